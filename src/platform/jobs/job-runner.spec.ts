import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { JOBS } from '../../contracts/jobs.js';
import { currentScope } from '../access/scope.js';
import type { JobProcessor } from './job-processor.js';
import { JobRunner } from './job-runner.js';

const PAYLOAD = { tenantId: '018f0000-0000-7000-8000-000000000001', runId: '018f0000-0000-7000-8000-000000000002' };

class Ingesting implements JobProcessor<'document.ingest'> {
  readonly job = 'document.ingest';
  readonly process = async () => undefined;
}

class Evaluating implements JobProcessor<'evaluation.run'> {
  readonly job = 'evaluation.run';
  readonly process = async () => undefined;
}

function given(process: JobProcessor<'run.execute'>['process']) {
  class Processor implements JobProcessor<'run.execute'> {
    readonly job = 'run.execute';
    readonly process = process;
  }
  const modules = { get: () => new Processor() } as unknown as ModuleRef;
  const error = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
  return {
    runner: new JobRunner(modules, {
      'run.execute': Processor,
      'document.ingest': Ingesting,
      'evaluation.run': Evaluating,
    }),
    error,
  };
}

const arrival = (payload: unknown) => ({ job: 'run.execute' as const, payload, correlationId: 'request-1' });

describe('JobRunner', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('runs a job in a scope of its own with the correlation id of who rang, and no actor', async () => {
    const seen = jest.fn();
    const { runner } = given(async (payload) => {
      seen(payload, currentScope().correlationId, currentScope().actor);
    });
    await runner.run(arrival(PAYLOAD));
    expect(seen).toHaveBeenCalledWith(PAYLOAD, 'request-1', null);
  });

  it('drops a payload that is not of the job', async () => {
    const process = jest.fn(async () => undefined);
    const { runner, error } = given(process);
    await runner.run(arrival({ tenantId: 'x' }));
    expect(process).not.toHaveBeenCalled();
    expect(error).toHaveBeenCalledTimes(1);
  });

  it('logs what a processor throws', async () => {
    const { runner, error } = given(async () => {
      throw new Error('broken');
    });
    await runner.run(arrival(PAYLOAD));
    expect(error).toHaveBeenCalledWith(expect.objectContaining({ err: new Error('broken') }), 'run.execute failed');
  });

  it('tells what is running to stop, and waits for it', async () => {
    let handedBack = false;
    const { runner } = given(async (_payload, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      handedBack = true;
    });
    const running = runner.run(arrival(PAYLOAD));
    expect(await runner.stop(60_000)).toBe(true);
    expect(handedBack).toBe(true);
    expect(await running).toBe(true);
    expect(await runner.run(arrival(PAYLOAD))).toBe(false);
  });

  it('puts aside what is beyond a tenant’s part, and forgets it when it stops', async () => {
    const seen: string[] = [];
    const { runner } = given(async ({ tenantId }, { signal }) => {
      seen.push(tenantId);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    const { concurrency, ofTenant } = JOBS['document.ingest'];
    const ring = (tenantId: string) =>
      runner.run({ job: 'document.ingest', payload: { tenantId, ingestionId: randomUUID() }, correlationId: 'x' });
    const [busy, other] = [randomUUID(), randomUUID()];
    const rings = Array.from({ length: concurrency }, () => ring(busy));
    expect(await Promise.race(rings)).toBe(true);
    void ring(other);
    await new Promise(setImmediate);
    const expected = [...Array.from({ length: ofTenant }, () => busy), other];
    expect(seen).toEqual(expected);
    expect(await runner.stop(60_000)).toBe(true);
    await Promise.all(rings);
    expect(seen).toEqual(expected);
  });

  it('does not wait for ever', async () => {
    const { runner } = given(() => new Promise(() => undefined));
    void runner.run(arrival(PAYLOAD));
    expect(await runner.stop(1)).toBe(false);
  });
});
