import { Injectable } from '@nestjs/common';
import { Ajv, type ValidateFunction } from 'ajv';
import { TimedOut } from '../../contracts/errors.js';
import { storableText } from '../../platform/database/storable.js';
import type { PermissionPolicy, PolicyAction } from '../../contracts/permission-policy.js';
import { decide } from './permission-policy.js';
import { ToolRegistry } from './tool-registry.service.js';
import type { ToolDefinition, ToolResult } from './tool.js';

export interface ToolCall {
  readonly name: string;
  readonly input: Record<string, unknown>;
  readonly signal: AbortSignal;
  /** The names this caller was offered; others are unknown to it. */
  readonly offered: ReadonlySet<string>;
  /** Strictest last word: each level may forbid. */
  readonly policies: readonly PermissionPolicy[];
}

const TIMEOUT_MS = 60_000;
/** Characters of a result that reach the model and the events; more would crowd out the conversation. */
const LONGEST_OUTPUT = 100_000;

/** The one path of every tool call: known, valid input, allowed, called within its time, capped. */
@Injectable()
export class ToolExecutor {
  private readonly ajv = new Ajv({ strict: false, allErrors: true });
  private readonly validators = new WeakMap<object, ValidateFunction>();

  constructor(private readonly registry: ToolRegistry) {}

  /** A refusal or failure is a result the model can read; only an abort of `call.signal` throws. */
  async execute(call: ToolCall): Promise<ToolResult> {
    const { isError, output } = await this.carryOut(call);
    return { isError, output: storableText(capped(output)) };
  }

  private async carryOut(call: ToolCall): Promise<ToolResult> {
    const found = call.offered.has(call.name) ? this.registry.find(call.name) : null;
    if (!found) return failure(`There is no tool named ${call.name}`);
    const fault = this.fault(found.definition, call.input);
    if (fault) return failure(`The input does not fit the tool's schema: ${fault}`);
    const decision = this.decide(call);
    if (decision === null) return failure(`Whether ${call.name} is permitted can not be told for such an input`);
    if (decision === 'deny') return failure(`The tool ${call.name} is not permitted here`);
    // Nobody can be asked from here, and what nobody allowed is not done.
    if (decision === 'ask')
      return failure(`The tool ${call.name} needs a person's permission, and nobody can be asked`);
    return this.withinTime(call, (signal) =>
      found.server.call(call.name.slice(found.server.name.length + 1), call.input, signal),
    );
  }

  /** Null where the policies' paths can't be followed in this input: nested a thousand levels deep, or too large. */
  private decide({ name, input, policies }: ToolCall): PolicyAction | null {
    try {
      return decide(name, input, policies);
    } catch {
      return null;
    }
  }

  isIdempotent(name: string): boolean {
    return this.registry.find(name)?.definition.idempotent ?? false;
  }

  private async withinTime(call: ToolCall, use: (signal: AbortSignal) => Promise<ToolResult>): Promise<ToolResult> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const signal = AbortSignal.any([call.signal, timeout]);
    signal.throwIfAborted();
    // A tool that does not listen to its signal is left behind.
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort);
    try {
      return await Promise.race([use(signal), aborted.promise]);
    } catch (error) {
      call.signal.throwIfAborted();
      if (timeout.aborted)
        return failure(new TimedOut(`The tool ${call.name} took longer than ${TIMEOUT_MS} ms`).message);
      return failure(`The tool ${call.name} failed: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  private fault(definition: ToolDefinition, input: Record<string, unknown>): string | null {
    let validate = this.validators.get(definition.inputSchema);
    if (!validate) {
      validate = this.ajv.compile(definition.inputSchema);
      this.validators.set(definition.inputSchema, validate);
    }
    return validate(input) ? null : this.ajv.errorsText(validate.errors, { dataVar: 'input' });
  }
}

function failure(output: string): ToolResult {
  return { isError: true, output };
}

function capped(output: string): string {
  return output.length <= LONGEST_OUTPUT
    ? output
    : `${output.slice(0, LONGEST_OUTPUT)}\n[cut: ${output.length} characters]`;
}
