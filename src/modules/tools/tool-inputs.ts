import { Injectable } from '@nestjs/common';
import { ValidationFailed } from '../../contracts/errors.js';
import { BoundedWork, WorkExceeded } from '../../platform/compute/bounded-work.js';
import type judgeInput from './judge-input.worker.js';
import type judgeSchemas from './judge-schemas.worker.js';
import { ToolSchemas } from './tool-schemas.js';
import type { ToolDefinition } from './tool.js';

const INPUT_JUDGE = new URL('./judge-input.worker.js', import.meta.url);
const SCHEMA_JUDGE = new URL('./judge-schemas.worker.js', import.meta.url);
/** A thread that has to be started first takes some of it. */
const INPUT_MS = 5_000;
const SCHEMAS_MS = 10_000;

/** Schemas of strangers that have none of these take time by their size and the input's alone: by both, multiplied. */
const NOT_PLAIN = /"(pattern|patternProperties|\$ref|\$dynamicRef|\$recursiveRef|\$async|\$id|uniqueItems)"/;

/** Of both in characters: some 50 ms and 15 MB at the worst, where every part of the one faults every part of the other. */
const MOST_HERE = 500_000;

/**
 * Holds inputs against the schemas of their tools: those of strangers that are not plain, or large, in threads that can be
 * killed, since a pattern, or a schema that refers to itself, can keep a processor busy for ever.
 */
@Injectable()
export class ToolInputs {
  private readonly schemas = new ToolSchemas(500);
  private readonly texts = new WeakMap<object, string>();

  constructor(private readonly work: BoundedWork) {}

  /** @throws ValidationFailed on `arguments` */
  async require(definition: ToolDefinition, input: Record<string, unknown>, signal?: AbortSignal): Promise<void> {
    const schema = this.texts.get(definition.inputSchema) ?? JSON.stringify(definition.inputSchema);
    this.texts.set(definition.inputSchema, schema);
    const isOurs = definition.source === 'builtin' || definition.source === 'agent';
    const fault = isOurs ? this.schemas.fault(schema, input) : await this.faultByStrangers(schema, input, signal);
    if (fault !== null) throw ValidationFailed.of('arguments', `The input does not fit the tool's schema: ${fault}`);
  }

  /**
   * For each schema why no input can be held against it, or null. `patient`: see BoundedWork.
   * @throws ExternalServiceFailed (503) when too much of the tenant waits already
   */
  async flaws(schemas: readonly Record<string, unknown>[], patient = false): Promise<(string | null)[]> {
    const texts = schemas.map((schema) => JSON.stringify(schema));
    try {
      return await this.work.run<typeof judgeSchemas>(SCHEMA_JUDGE, texts, { limitMs: SCHEMAS_MS, patient });
    } catch (error) {
      if (!(error instanceof WorkExceeded)) throw error;
      return schemas.map(() => `to look at them takes more ${error.of} than it may`);
    }
  }

  private async faultByStrangers(
    schema: string,
    input: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<string | null> {
    const text = JSON.stringify(input);
    if (schema.length * text.length <= MOST_HERE && !NOT_PLAIN.test(schema)) return this.schemas.fault(schema, input);
    try {
      const given = { schema, input: text };
      return await this.work.run<typeof judgeInput>(INPUT_JUDGE, given, { limitMs: INPUT_MS, patient: true, signal });
    } catch (error) {
      if (error instanceof WorkExceeded) return `to tell takes more ${error.of} than it may`;
      throw error;
    }
  }
}
