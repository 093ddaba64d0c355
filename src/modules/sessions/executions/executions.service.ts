import { Injectable } from '@nestjs/common';
import { NotFound, ValidationFailed } from '../../../contracts/errors.js';
import { isUuid } from '../../../platform/http/id.decorator.js';
import { Cursors } from '../../../platform/http/pagination.js';
import { ToolRegistry } from '../../tools/tool-registry.service.js';
import { outputUrlOf } from './execution.js';
import type { ExecutionDto, ExecutionPage, ListExecutionsQuery } from './executions.dto.js';
import { ExecutionsRepository, type StoredExecution } from './executions.repository.js';

/** What stands for a server in calls that no server carries out. */
const SOURCES: ReadonlySet<string> = new Set(['agent', 'client', 'rag']);

/** What was called, by whose leave and with what result: calls of runs, and those that were asked for directly. */
@Injectable()
export class ExecutionsService {
  constructor(
    private readonly executions: ExecutionsRepository,
    private readonly registry: ToolRegistry,
    private readonly cursors: Cursors,
  ) {}

  /** @throws NotFound */
  async get(id: string): Promise<ExecutionDto> {
    return shownExecution(await this.require(id));
  }

  /** @throws NotFound */
  async require(id: string): Promise<StoredExecution> {
    const execution = await this.executions.findVisible(id);
    if (!execution) throw new NotFound('Execution');
    return execution;
  }

  async list({ cursor, limit, ...filter }: ListExecutionsQuery): Promise<ExecutionPage> {
    const before = this.cursors.id(cursor);
    const { serverId } = filter;
    if (serverId !== undefined && !isUuid(serverId) && !SOURCES.has(serverId) && !this.registry.builtin(serverId))
      throw ValidationFailed.of('serverId', "serverId must be a server's id or the name of a built-in", serverId);
    const rows = await this.executions.list({ ...filter, before, limit: limit + 1 });
    return this.cursors.page(rows, limit, shownExecution);
  }

  /** However long it is. @throws NotFound */
  async output(id: string): Promise<string> {
    await this.require(id);
    return (await this.executions.wholeOutput(id)) ?? '';
  }
}

function shownExecution(execution: StoredExecution): ExecutionDto {
  const { id, serverId, tool, input, isError, output, isCut, decision, decidedBy, sessionId, runId } = execution;
  const rest = isCut ? { truncated: true, outputUrl: outputUrlOf(id) } : {};
  return {
    ...{ id, serverId, tool, arguments: input, isError, output: output?.toWellFormed() ?? null, ...rest },
    ...{ decision, decidedBy, sessionId, runId, durationMs: execution.durationMs },
    createdAt: execution.createdAt.toISOString(),
  };
}
