import { Injectable } from '@nestjs/common';
import { ValidationFailed } from '../../contracts/errors.js';
import { BoundedWork, WorkExceeded, type WorkOptions } from '../../platform/compute/bounded-work.js';
import type judgeOutput from './judge-output.worker.js';
import type { Judgement } from './judge-output.worker.js';

const JUDGE = new URL('./judge-output.worker.js', import.meta.url);
/** A thread that has to be started first takes some of it. */
const LIMIT_MS = 5_000;
const MAX_BYTES = 64 * 1024;

/** What comes of an answer, when it can be told in bounded time. */
export type OutputJudgement = Judgement | { kind: 'exceeded'; of: 'time' | 'memory' | 'depth' };

/** JSON Schemas (draft 2020-12) that agents demand of their answers. */
@Injectable()
export class OutputSchemas {
  constructor(private readonly work: BoundedWork) {}

  /** @throws ValidationFailed on `field` when it is no schema that answers can be held against */
  async require(schema: Record<string, unknown>, field: string): Promise<void> {
    const refuse = (why: string): ValidationFailed => ValidationFailed.of(field, `${field} ${why}`);
    if (Buffer.byteLength(JSON.stringify(schema)) > MAX_BYTES)
      throw refuse(`must not be larger than ${MAX_BYTES} bytes`);
    const judgement = await this.judge(schema, null);
    if (judgement.kind === 'exceeded') {
      throw refuse(
        judgement.of === 'depth' ? 'refers to itself without end' : `takes more ${judgement.of} than it may`,
      );
    }
    if (judgement.kind === 'invalid') throw refuse(`must be a JSON Schema: ${judgement.reason}`);
  }

  /** Null in place of an answer: only the schema is judged, and found `invalid`, `exceeded`, or neither. */
  async judge(
    schema: Record<string, unknown>,
    answer: string | null,
    waiting: Pick<WorkOptions, 'patient' | 'signal'> = {},
  ): Promise<OutputJudgement> {
    try {
      return await this.work.run<typeof judgeOutput>(JUDGE, { schema, answer }, { limitMs: LIMIT_MS, ...waiting });
    } catch (error) {
      if (error instanceof WorkExceeded) return { kind: 'exceeded', of: error.of };
      throw error;
    }
  }
}
