import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { DomainError } from '../../../contracts/errors.js';
import { Settings } from '../../../platform/config/settings.js';
import { Events } from '../../../platform/events/events.js';
import { ToolExecutor, type Consent, type Execution } from '../../tools/tool-executor.service.js';
import { storableProgress } from '../../tools/tool-progress.js';
import { bareName, CONNECT, serverOf, type OfferedTool, type Suspension, type ToolProgress } from '../../tools/tool.js';
import { Delegation } from '../agent-tasks/delegation.service.js';
import { shownOutput, shownText, type ShownOutput } from '../executions/execution.js';
import type { PermissionRequest } from '../permissions/permission.js';
import { shownPermission } from '../permissions/permissions.dto.js';
import { PermissionsRepository } from '../permissions/permissions.repository.js';
import { rootSessionOf } from '../runs/run.js';
import { ConnectedCalls } from '../waits/connected-calls.service.js';
import { resultEvent } from '../waits/answer-events.js';
import { RunEventWriter } from './run-event.writer.js';
import type { RunHold } from './run-hold.js';
import { RunJournal } from './run-journal.js';
import { openCalls, type RunState } from './run-state.js';
import { RunStepsRepository, type Made, type RunToolCall, type WaitKind } from './run-steps.repository.js';

type Tools = ReadonlyMap<string, OfferedTool>;
/** Where a call goes, and with what. */
type Given = Pick<Made, 'serverId' | 'changedInput'>;

/** Between two tidings of one call's progress; what comes in between is passed over. */
const PROGRESS_EVERY_MS = 250;

/** Carries out the calls of one model turn, side by side; each result is stored before the next step. */
@Injectable()
export class ToolRound {
  constructor(
    private readonly executor: ToolExecutor,
    private readonly journal: RunJournal,
    private readonly steps: RunStepsRepository,
    private readonly permissions: PermissionsRepository,
    private readonly delegation: Delegation,
    private readonly connected: ConnectedCalls,
    private readonly writer: RunEventWriter,
    private readonly events: Events,
    private readonly settings: Settings,
  ) {}

  /** `resumed`: another holder began those that are running, so they may have had their effect already. */
  async run(hold: RunHold, state: RunState, tools: Tools, resumed: boolean): Promise<void> {
    const due = openCalls(state).filter(({ status }) => status !== 'waiting');
    const known = withOpeners(tools, due);
    const outcomes = await Promise.allSettled(
      due.map((call) => this.carryOut(hold, state, call, known, resumed).finally(() => hold.endUnrepeatable(call.id))),
    );
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  private async carryOut(
    hold: RunHold,
    state: RunState,
    call: RunToolCall,
    tools: Tools,
    resumed: boolean,
  ): Promise<void> {
    const begun = performance.now();
    const definition = tools.get(call.name)?.definition;
    const noChange = { serverId: serverIdOf(call, tools), changedInput: null };
    if (call.status === 'running' && resumed && !definition?.idempotent)
      return this.finish(hold, call, { ...unknownOutcome(), ...decided(call) }, { ...noChange, whole: null }, 0);
    // It has given way to the tools that it opens. A tool that waited for the account itself was not called yet.
    if (call.waitsFor === 'connect' && !definition && bareName(call.name) === CONNECT)
      return this.finish(hold, call, { ...isConnected(), ...decided(call) }, { ...noChange, whole: null }, 0);
    const execution = await this.execute(hold, call, tools);
    switch (execution.status) {
      case 'asks':
        return this.ask(hold, call, noChange, 'permission', null);
      case 'suspended':
        Object.assign(call, { decision: execution.decision, decidedBy: execution.decidedBy });
        return this.suspend(
          hold,
          state,
          call,
          { ...noChange, changedInput: changed(call, execution.input) },
          execution.on,
        );
      case 'done': {
        const shown = shownOutput(execution.result);
        const made = { ...noChange, changedInput: changed(call, execution.input), whole: shown.whole };
        const { decision, decidedBy } = execution;
        const durationMs = Math.round(performance.now() - begun);
        return this.finish(hold, call, { ...shown, decision, decidedBy }, definition ? made : null, durationMs);
      }
    }
  }

  /** Asks the policies first, then what people have said before about such calls. */
  private async execute(hold: RunHold, call: RunToolCall, tools: Tools): Promise<Execution> {
    const permitted = call.decision === 'allow' && call.decidedBy !== null ? { decidedBy: call.decidedBy } : null;
    const execution = await this.attempt(hold, call, tools, permitted);
    // What was permitted was the tool as it was then.
    if (execution.status !== 'asks' || tools.get(call.name)?.definition.needsConsent) return execution;
    const { run } = hold;
    const grantedBy = await this.permissions.grantedBy(rootSessionOf(run), run.agentId, call.name);
    return grantedBy === null ? execution : this.attempt(hold, call, tools, { decidedBy: grantedBy });
  }

  private attempt(hold: RunHold, call: RunToolCall, tools: Tools, consent: Consent | null): Promise<Execution> {
    const { id: executionId, toolUseId, name, input } = call;
    const { id: runId, sessionId, pinned } = hold.run;
    return this.executor.execute({
      ...{ executionId, sessionId, runId, toolUseId, name, input, tools, consent },
      // One that may be repeated is, so nobody has to know that it was begun.
      ...(tools.get(name)?.definition.idempotent
        ? {}
        : { onBegin: () => this.begin(hold, call, serverIdOf(call, tools)) }),
      ...{ signal: hold.signal, policies: pinned.policies, onProgress: this.progress(hold, call) },
    });
  }

  private progress(hold: RunHold, { toolUseId }: RunToolCall): (progress: ToolProgress) => void {
    let next = 0;
    return (said) => {
      if (performance.now() < next || hold.isLost) return;
      const told = storableProgress(said);
      if (!told) return;
      next = performance.now() + PROGRESS_EVERY_MS;
      const { progress, total = null, message = null } = told;
      this.writer.add(hold, { type: 'tool.progress', data: { toolUseId, progress, total, message } });
    };
  }

  private async begin(hold: RunHold, call: RunToolCall, serverId: string): Promise<void> {
    call.status = 'running';
    hold.beginUnrepeatable(call.id);
    await this.journal.write(hold, { events: [], work: () => this.steps.beginToolCall(call, serverId), inOneGo: true });
  }

  private async ask(
    hold: RunHold,
    call: RunToolCall,
    given: Given,
    waitsFor: 'permission' | 'connect',
    connectServerId: string | null,
  ): Promise<void> {
    this.waits(call, waitsFor, this.settings.tools.permissionTtlMs);
    const { id: runId, sessionId } = hold.run;
    const permission: PermissionRequest = {
      ...{ id: v7(), sessionId, rootSessionId: rootSessionOf(hold.run), runId, toolCallId: call.id },
      ...{ toolUseId: call.toolUseId, tool: call.name, input: call.input, connectServerId },
      ...{ status: 'pending', decidedBy: null, reason: null, expiresAt: call.waitsUntil, createdAt: new Date() },
    };
    await this.journal.write(hold, {
      events: [{ type: 'permission.requested', data: { permission: shownPermission(permission) } }],
      work: () =>
        Promise.all([
          this.steps.waitWithToolCall(call, given),
          this.permissions.add(permission),
          this.events.publish('permission.requested', {
            ...{ resourceType: 'permission', resourceId: permission.id },
            payload: { sessionId, runId, tool: call.name },
            changes: { tool: call.name },
          }),
        ]),
    });
  }

  private async suspend(
    hold: RunHold,
    state: RunState,
    call: RunToolCall,
    given: Given,
    on: Suspension,
  ): Promise<void> {
    switch (on.kind) {
      case 'connect':
        await this.ask(hold, call, given, 'connect', on.serverId);
        return this.connected.recheck(on.serverId, hold.run.createdBy);
      case 'client':
        return this.askClient(hold, call, given);
      case 'agent':
        return this.askAgent(hold, state, call, given, on);
    }
  }

  private async askAgent(
    hold: RunHold,
    state: RunState,
    call: RunToolCall,
    given: Given,
    { agentId, message }: Extract<Suspension, { kind: 'agent' }>,
  ): Promise<void> {
    const refuse = (why: string): Promise<void> =>
      this.finish(hold, call, { ...shownText(why, true), ...decided(call) }, { ...given, whole: null }, 0);
    const refusal = await this.delegation.refusal(hold, agentId);
    if (refusal !== null) return refuse(refusal);
    this.waits(call, 'agent', null);
    const among = state.calls.filter(({ turn, name }) => turn === call.turn && name.startsWith('agent:')).length;
    try {
      await this.journal.write(hold, {
        events: [],
        before: () => this.delegation.lockAbove(hold),
        work: async () => {
          await this.steps.waitWithToolCall(call, given);
          await this.delegation.begin(hold, call, { agentId, message, among, spent: state.delegated });
        },
      });
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      Object.assign(call, { waitsFor: null });
      await refuse(`The agent can not be asked: ${error.message}`);
    }
  }

  private async askClient(hold: RunHold, call: RunToolCall, given: Given): Promise<void> {
    this.waits(call, 'client', this.settings.tools.clientToolTimeoutMs);
    const { toolUseId, name } = call;
    const input = given.changedInput ?? call.input;
    await this.journal.write(hold, {
      events: [{ type: 'client_tool.called', data: { toolUseId, name, input } }],
      work: () => this.steps.waitWithToolCall(call, given),
    });
  }

  private waits(call: RunToolCall, waitsFor: WaitKind, forMs: number | null): void {
    const waitsUntil = forMs === null ? null : new Date(Date.now() + forMs);
    Object.assign(call, { status: 'waiting', waitsFor, waitsUntil });
  }

  private async finish(
    hold: RunHold,
    call: RunToolCall,
    { isError, output, truncated, decision, decidedBy }: ShownOutput & Pick<RunToolCall, 'decision' | 'decidedBy'>,
    made: Made | null,
    durationMs: number,
  ): Promise<void> {
    const status = isError ? 'failed' : 'completed';
    Object.assign(call, { status, isError, output, truncated, decision, decidedBy, durationMs });
    await this.journal.write(hold, {
      events: [resultEvent(call)],
      work: () => this.steps.finishToolCall(hold.run, call, made),
      inOneGo: true,
    });
  }
}

/** By its name, where its tool is not there any more. */
function serverIdOf({ name }: RunToolCall, tools: Tools): string {
  return tools.get(name)?.definition.serverId ?? serverOf(name);
}

/** What hooks made of the input, if anything. */
function changed(call: RunToolCall, input: Record<string, unknown>): Record<string, unknown> | null {
  return input === call.input ? null : input;
}

/** It came as far as to be begun, so somebody has allowed it. */
function decided({ decision, decidedBy }: RunToolCall): Pick<RunToolCall, 'decision' | 'decidedBy'> {
  return { decision: decision ?? 'allow', decidedBy: decidedBy ?? 'policy' };
}

function isConnected(): ShownOutput {
  return shownText('The account is connected; the tools of the server can be used now.', false);
}

function unknownOutcome(): ShownOutput {
  return shownText(
    'unknown outcome: the call was interrupted and may or may not have taken effect; it was not repeated',
    true,
  );
}

/** A tool that is not known yet, since its server wants the person's account first, stands for what opens it. */
function withOpeners(tools: Tools, calls: readonly RunToolCall[]): Tools {
  const openers = calls.flatMap(({ name }): [string, OfferedTool][] => {
    const opener = tools.has(name) ? undefined : tools.get(`${serverOf(name)}:${CONNECT}`);
    if (!opener?.definition.standsForAll) return [];
    return [[name, { ...opener, definition: { ...opener.definition, name, inputSchema: { type: 'object' } } }]];
  });
  return openers.length === 0 ? tools : new Map([...tools, ...openers]);
}
