import { Injectable, type OnModuleInit } from '@nestjs/common';
import { AccessDenied } from '../../contracts/errors.js';
import { ToolExecutor } from '../tools/tool-executor.service.js';
import type { HookedCall, HookVerdict, ToolHooks } from '../tools/tool-hooks.js';
import { matchesWildcard } from '../tools/wildcard.js';
import { HookCache } from './hook-cache.js';
import { HookCaller } from './hook-caller.js';
import type { HookReply } from './hook-reply.js';
import type { HookEvent } from './hook.entity.js';
import type { ActiveHook } from './hooks.repository.js';

/** What a hook after a call is shown of a long output. */
const LONGEST_OUTPUT = 1024 * 1024;

/** Calls the hooks of the current tenant: those that fit, one after the other, the oldest first. */
@Injectable()
export class CallingHooks implements ToolHooks, OnModuleInit {
  constructor(
    private readonly cache: HookCache,
    private readonly caller: HookCaller,
    private readonly executor: ToolExecutor,
  ) {}

  onModuleInit(): void {
    this.executor.useHooks(this);
  }

  /** Each sees the input as the one before left it; the first that denies has the last word. */
  async before(call: HookedCall, signal: AbortSignal): Promise<HookVerdict> {
    let input = call.input;
    for (const hook of await this.of('tool.before', call.tool)) {
      const reply = await this.caller.ask(hook, call.executionId, { ...call, input }, signal);
      if (reply.decision === 'deny') return { decision: 'deny', reason: reply.reason || `A hook denies ${call.tool}` };
      input = reply.input ?? input;
    }
    return { decision: 'go', input };
  }

  async hasAfter(tool: string): Promise<boolean> {
    return (await this.of('tool.after', tool)).length > 0;
  }

  /** @throws AccessDenied where a hook that failed keeps the result back */
  async after(call: HookedCall, { output, isError }: { isError: boolean; output: string }): Promise<void> {
    for (const hook of await this.of('tool.after', call.tool)) {
      const isLong = output.length > LONGEST_OUTPUT;
      const shown = isLong ? { output: output.slice(0, LONGEST_OUTPUT).toWellFormed(), truncated: true } : { output };
      const reply = await this.caller.ask(hook, call.executionId, { ...call, ...shown, isError });
      if (reply.decision === 'deny') throw new AccessDenied(`The result is kept back: ${reply.reason}`);
    }
  }

  /** `run` as the API shows it. Denied is what a hook denies by failing. */
  async runStarted(run: { id: string }, signal: AbortSignal): Promise<HookReply> {
    for (const hook of await this.of('run.started')) {
      const reply = await this.caller.ask(hook, run.id, { run }, signal);
      if (reply.decision === 'deny') return reply;
    }
    return { decision: 'go' };
  }

  private async of(event: HookEvent, tool?: string): Promise<ActiveHook[]> {
    const hooks = await this.cache.active();
    return hooks.filter((hook) => hook.event === event && fits(hook, tool));
  }
}

function fits({ tools }: ActiveHook, tool: string | undefined): boolean {
  return tools === null || tool === undefined || tools.some((pattern) => matchesWildcard(pattern, tool));
}
