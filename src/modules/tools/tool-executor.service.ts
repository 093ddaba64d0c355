import { Injectable } from '@nestjs/common';
import { AccessDenied, DomainError, TimedOut, ValidationFailed } from '../../contracts/errors.js';
import type { PermissionPolicy, PolicyAction } from '../../contracts/permission-policy.js';
import { CallDeadline } from './call-deadline.js';
import { decide } from './permission-policy.js';
import { outputText } from './tool-output.js';
import { textResult, type OfferedTool, type Suspension, type ToolCallContext, type ToolResult } from './tool.js';
import type { HookedCall, ToolHooks } from './tool-hooks.js';
import { ToolInputs } from './tool-inputs.js';
import { ToolTurns } from './tool-turns.js';

export interface ToolCall extends ToolCallContext {
  readonly name: string;
  readonly input: Record<string, unknown>;
  /** What this caller was offered; other tools are unknown to it. */
  readonly tools: ReadonlyMap<string, OfferedTool>;
  /** Strictest last word: each level may forbid. */
  readonly policies: readonly PermissionPolicy[];
  /** Where the policies ask for a person: the one who has agreed, or says that nobody is to be asked. */
  readonly consent: Consent | null;
  /** Awaited right before the tool is called: from then on nobody knows whether it had its effect. */
  readonly onBegin?: () => Promise<void>;
  /** Told what is sent, where hooks have changed the input: also for a call that fails then. */
  readonly onChanged?: (input: Record<string, unknown>) => void;
}

/** `decidedBy`: a user's id, or what else decided. */
export interface Consent {
  readonly decidedBy: string;
}

interface Decision {
  readonly decision: 'allow' | 'deny';
  /** A user's id, `policy` or `hook`. */
  readonly decidedBy: string;
}

export type Execution =
  | ({ readonly status: 'done'; readonly result: ToolResult; readonly input: Record<string, unknown> } & Decision)
  /** A person has to agree first. */
  | { readonly status: 'asks' }
  | ({ readonly status: 'suspended'; readonly on: Suspension; readonly input: Record<string, unknown> } & Decision);

const TIMEOUT_MS = 60_000;

/** It may not be called so, here. */
export class ToolDenied extends AccessDenied {
  constructor(
    message: string,
    tool: string,
    readonly decidedBy: 'policy' | 'hook',
  ) {
    super(message, { details: { tool } });
  }
}

/** The one path of every tool call: known, valid input, allowed, hooks, in its turn and time, hooks again. */
@Injectable()
export class ToolExecutor {
  private hooks: ToolHooks | null = null;

  constructor(
    private readonly inputs: ToolInputs,
    private readonly turns: ToolTurns,
  ) {}

  /** There is one set of them; its module says so when the application starts. */
  useHooks(hooks: ToolHooks): void {
    this.hooks = hooks;
  }

  /** A refusal or failure is a result that the model can read; only an abort of `call.signal` throws. */
  async execute(call: ToolCall): Promise<Execution> {
    let { input } = call;
    const onChanged = (changed: Record<string, unknown>): void => void (input = changed);
    try {
      return await this.perform({ ...call, onChanged });
    } catch (error) {
      call.signal.throwIfAborted();
      const decidedBy = error instanceof ToolDenied ? error.decidedBy : (call.consent?.decidedBy ?? 'policy');
      const decision = error instanceof ToolDenied ? 'deny' : 'allow';
      const message =
        error instanceof DomainError ? error.message : `The tool ${call.name} failed: ${messageOf(error)}`;
      return { status: 'done', result: textResult(message, true), input, decision, decidedBy };
    }
  }

  /**
   * As `execute`, for callers who tell failures apart.
   * @throws ValidationFailed (`tool`, `arguments`), AccessDenied, TimedOut, and what the tool's server throws
   */
  async perform(call: ToolCall): Promise<Execution> {
    const tool = call.tools.get(call.name);
    if (!tool) throw ValidationFailed.of('tool', `There is no tool named ${call.name}`);
    await this.inputs.require(tool.definition, call.input, call.signal);
    if (this.decide(call, call.input, tool) === 'ask' && !call.consent) return { status: 'asks' };
    const input = await this.afterHooksSaid(call, tool);
    if (input !== call.input) call.onChanged?.(input);
    const outcome = await this.inTurn(call, tool, input);
    const decision = { decision: 'allow' as const, decidedBy: call.consent?.decidedBy ?? 'policy' };
    if (outcome.status === 'suspended') return { ...outcome, input, ...decision };
    const { result } = outcome;
    await this.hooks?.after(hooked(call, input), { isError: result.isError, output: outputText(result) });
    return { status: 'done', result, input, ...decision };
  }

  /** As `perform`, where nobody has to be asked. */
  async performWith(
    consent: Consent,
    call: Omit<ToolCall, 'consent'>,
  ): Promise<Exclude<Execution, { status: 'asks' }>> {
    const execution = await this.perform({ ...call, consent });
    if (execution.status === 'asks') throw new Error('It was agreed to, and asks all the same');
    return execution;
  }

  /** There are hooks after calls of the tool: an answer that comes from outside has to be shown to them first. */
  async hasHooksAfter(tool: string): Promise<boolean> {
    return (await this.hooks?.hasAfter(tool)) ?? false;
  }

  /** What came from outside, to hooks after the call. Why it is kept back, if it is. */
  async keptBack(call: HookedCall, answer: { isError: boolean; output: string }): Promise<string | null> {
    try {
      await this.hooks?.after(call, answer);
      return null;
    } catch (error) {
      if (error instanceof AccessDenied) return error.message;
      throw error;
    }
  }

  /** @throws ToolDenied */
  private decide(call: ToolCall, input: Record<string, unknown>, tool: OfferedTool): PolicyAction {
    const action = decisionOf(call, input);
    if (action === 'deny') throw new ToolDenied(`The tool ${call.name} is not permitted here`, call.name, 'policy');
    return tool.definition.needsConsent ? 'ask' : action;
  }

  private async afterHooksSaid(call: ToolCall, tool: OfferedTool): Promise<Record<string, unknown>> {
    const verdict = await this.hooks?.before(hooked(call, call.input), call.signal);
    if (!verdict) return call.input;
    if (verdict.decision === 'deny') throw new ToolDenied(verdict.reason, call.name, 'hook');
    if (verdict.input === call.input) return call.input;
    await this.inputs.require(tool.definition, verdict.input, call.signal);
    // Whoever agreed has agreed to the tool; where nobody had to, nobody was asked about what a hook made of it.
    if (this.decide(call, verdict.input, tool) === 'ask' && !call.consent)
      throw new ToolDenied(
        `What a hook made of the input of ${call.name} needs a person's permission`,
        call.name,
        'hook',
      );
    return verdict.input;
  }

  private async inTurn(call: ToolCall, tool: OfferedTool, input: Record<string, unknown>) {
    return this.turns.take(call.signal, () => this.withinTime(call, tool, input));
  }

  private async withinTime(call: ToolCall, tool: OfferedTool, input: Record<string, unknown>) {
    const timeoutMs = tool.definition.timeoutMs ?? TIMEOUT_MS;
    const deadline = new CallDeadline(timeoutMs);
    const signal = AbortSignal.any([call.signal, deadline.signal]);
    signal.throwIfAborted();
    // A tool that does not listen to its signal is left behind.
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort);
    const { executionId, sessionId, runId, toolUseId } = call;
    const onProgress: ToolCallContext['onProgress'] = (progress) => {
      deadline.extend();
      if (!signal.aborted) call.onProgress?.(progress);
    };
    try {
      const context = { executionId, sessionId, runId, toolUseId, signal, onProgress };
      await call.onBegin?.();
      return await Promise.race([tool.call(input, context), aborted.promise]);
    } catch (error) {
      call.signal.throwIfAborted();
      if (deadline.signal.aborted) throw new TimedOut(`The tool ${call.name} took longer than ${timeoutMs} ms`);
      throw error;
    } finally {
      deadline.end();
      signal.removeEventListener('abort', abort);
    }
  }
}

/** Where the policies' paths can't be followed in this input (nested a thousand levels deep, or too large), it is refused. */
function decisionOf({ name, policies }: ToolCall, input: Record<string, unknown>): PolicyAction {
  try {
    return decide(name, input, policies);
  } catch {
    throw new ToolDenied(`Whether ${name} is permitted can not be told for such an input`, name, 'policy');
  }
}

function hooked({ executionId, runId, sessionId, name }: ToolCall, input: Record<string, unknown>): HookedCall {
  return { executionId, runId, sessionId, tool: name, input };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
