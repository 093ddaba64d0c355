import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import {
  Conflict,
  DomainError,
  ExternalServiceFailed,
  NotFound,
  ValidationFailed,
  type FieldError,
} from '../../../contracts/errors.js';
import { currentScope, currentTenantActor } from '../../../platform/access/scope.js';
import { Db } from '../../../platform/database/db.js';
import { storableJson } from '../../../platform/database/storable.js';
import { Events } from '../../../platform/events/events.js';
import { connectPath } from '../../mcp/oauth/oauth.dto.js';
import { TenantsService, type ToolRules } from '../../tenants/tenants.service.js';
import { ToolExecutor, ToolDenied, type Execution } from '../../tools/tool-executor.service.js';
import { ToolRegistry } from '../../tools/tool-registry.service.js';
import { textResult, type OfferedTool, type ToolResult } from '../../tools/tool.js';
import { SessionsService } from '../sessions.service.js';
import { outputUrlOf, shownOutput } from './execution.js';
import type { ExecutedToolDto, ExecuteToolDto } from './executions.dto.js';
import { ExecutionsRepository, type StoredExecution, type NewExecution } from './executions.repository.js';

/** Built-ins that work in a session's directory. */
const NEEDS_SESSION = new Set(['filesystem']);

type Made = Pick<NewExecution, 'id' | 'decision' | 'decidedBy' | 'durationMs' | 'input'> & { result: ToolResult };

/** A tool called directly, by a person or a key: what it answers is theirs to judge, so its failures are told apart. */
@Injectable()
export class ExecuteTool {
  constructor(
    private readonly registry: ToolRegistry,
    private readonly executor: ToolExecutor,
    private readonly tenants: TenantsService,
    private readonly sessions: SessionsService,
    private readonly executions: ExecutionsRepository,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  /** @throws ValidationFailed, AccessDenied, Conflict, TimedOut, ExternalServiceFailed */
  async execute(dto: ExecuteToolDto): Promise<ExecutedToolDto> {
    const [rules, server] = await Promise.all([this.tenants.toolRules(), this.registry.serverName(dto.serverId)]);
    const faults = [...serverFaults(server, dto), ...(await this.sessionFaults(dto.sessionId))];
    if (server === null || faults.length > 0) throw new ValidationFailed(faults);
    const name = `${server}:${dto.tool}`;
    const tool = await this.offered(name, server, rules, dto.tool);
    const id = v7();
    const begun = performance.now();
    let input = dto.arguments;
    const common = () => ({ id, durationMs: Math.round(performance.now() - begun), input });
    try {
      const execution = await this.perform(id, tool, rules, dto, (changed) => (input = changed));
      const { decision, decidedBy } = execution;
      return await this.keep(dto, tool, { ...common(), decision, decidedBy, result: resultOf(execution) });
    } catch (error) {
      await this.keepFailure(dto, tool, common(), error);
      throw error;
    }
  }

  /** As it was answered. */
  shown({ id: executionId, isError, result, isCut, durationMs }: StoredExecution): ExecutedToolDto {
    const { content = [], structuredContent = null } = result ?? {};
    const rest = isCut ? { truncated: true, outputUrl: outputUrlOf(executionId) } : {};
    return { executionId, isError, content, structuredContent, ...rest, durationMs };
  }

  private async sessionFaults(sessionId: string | undefined): Promise<FieldError[]> {
    if (sessionId === undefined) return [];
    try {
      await this.sessions.require(sessionId);
      return [];
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
      return [{ field: 'sessionId', message: 'There is no such session', value: sessionId }];
    }
  }

  private async offered(
    name: string,
    server: string,
    { disabledTools }: ToolRules,
    bare: string,
  ): Promise<OfferedTool> {
    const { tools, unavailable, isDisabled } = await this.registry.offer([name], {
      clientTools: [],
      collectionIds: [],
    });
    const tool = tools.get(name);
    if (tool && disabledTools.includes(name)) throw new Conflict(`The tool ${name} is disabled`);
    if (tool) return tool;
    if (isDisabled(name)) throw new Conflict(`The tool ${name} is disabled`);
    const connect = [...tools.values()].find(({ definition }) => definition.standsForAll);
    if (connect) throw notConnected({ serverId: connect.definition.serverId, serverName: server });
    const [down] = unavailable;
    if (down?.failure instanceof DomainError) throw down.failure;
    if (down) throw new ExternalServiceFailed(server, down.reason, { retryable: true });
    throw ValidationFailed.of('tool', `${server} has no tool named ${bare}`, bare);
  }

  private perform(
    executionId: string,
    tool: OfferedTool,
    { permissionPolicy }: ToolRules,
    { arguments: input, sessionId }: ExecuteToolDto,
    onChanged: (input: Record<string, unknown>) => void,
  ): Promise<Exclude<Execution, { status: 'asks' }>> {
    // Who calls it needs not be asked; what the tenant forbids stays forbidden.
    const consent = { decidedBy: caller() };
    const policies = permissionPolicy ? [permissionPolicy] : [];
    const { name } = tool.definition;
    return this.executor.performWith(consent, {
      ...{ executionId, sessionId: sessionId ?? null, runId: null, toolUseId: null, name, input, policies },
      ...{ tools: new Map([[name, tool]]), signal: new AbortController().signal, onChanged },
    });
  }

  private async keepFailure(
    dto: ExecuteToolDto,
    tool: OfferedTool,
    common: Pick<Made, 'id' | 'durationMs' | 'input'>,
    error: unknown,
  ): Promise<void> {
    if (!(error instanceof DomainError) || error instanceof ValidationFailed) return;
    const decision = error instanceof ToolDenied ? 'deny' : 'allow';
    const decidedBy = error instanceof ToolDenied ? error.decidedBy : caller();
    await this.keep(dto, tool, { ...common, decision, decidedBy, result: textResult(error.message, true) });
  }

  private async keep(dto: ExecuteToolDto, tool: OfferedTool, made: Made): Promise<ExecutedToolDto> {
    const { output, whole, isError } = shownOutput(made.result);
    const content = whole === null ? made.result.content : [{ type: 'text', text: output }];
    const structured = whole === null ? (made.result.structuredContent ?? null) : null;
    const result = storableJson({ content, structuredContent: structured }) as StoredExecution['result'];
    const stored = {
      ...{ ...made, serverId: tool.definition.serverId, tool: tool.definition.name, isError, output, whole, result },
      ...{ sessionId: dto.sessionId ?? null, runId: null, createdBy: currentTenantActor().userId },
    };
    await this.db.run(() => {
      const kept = Promise.all([
        this.executions.add(stored),
        this.events.publish('tool.executed', {
          ...{ resourceType: 'execution', resourceId: made.id },
          payload: { tool: stored.tool, isError },
        }),
      ]);
      // With its key, a request is bound to what it changes when the answer to that is there.
      if (!currentScope().bindIdempotency) this.db.commitNowIfOutermost();
      return kept;
    });
    return this.shown({ ...stored, isCut: whole !== null, createdAt: new Date() });
  }
}

function caller(): string {
  const { userId, credentialId } = currentTenantActor();
  return userId ?? credentialId ?? 'policy';
}

function serverFaults(server: string | null, { serverId, sessionId }: ExecuteToolDto): FieldError[] {
  if (server === null) return [{ field: 'serverId', message: 'There is no such server', value: serverId }];
  if (sessionId !== undefined || !NEEDS_SESSION.has(server)) return [];
  return [{ field: 'sessionId', message: `${server} works in a session's directory: sessionId is needed` }];
}

/** @throws Conflict */
function resultOf(execution: Exclude<Execution, { status: 'asks' }>): ToolResult {
  if (execution.status === 'done') return execution.result;
  if (execution.on.kind !== 'connect') throw new Conflict('The tool can be called by a run alone');
  throw notConnected(execution.on);
}

function notConnected({ serverId, serverName }: { serverId: string; serverName: string }): Conflict {
  return new Conflict(`An account has to be connected with ${serverName} first`, {
    details: { serverId, startUrl: connectPath(serverId) },
  });
}
