import { describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { RepeatedPass } from './repeated-pass.js';

function passes() {
  const gates: (() => void)[] = [];
  const pass = jest.fn(async () => {
    await new Promise<void>((resolve) => gates.push(resolve));
    return undefined;
  });
  const repeated = new RepeatedPass({ everyMs: 3_600_000, logger: new Logger('test'), pass });
  return { pass, repeated, end: () => gates.shift()?.() };
}

describe('RepeatedPass', () => {
  it('begins a pass when kicked, and one more for any number of kicks during it', async () => {
    const { pass, repeated, end } = passes();
    repeated.kick();
    expect(pass).toHaveBeenCalledTimes(1);
    repeated.kick();
    repeated.kick();
    expect(pass).toHaveBeenCalledTimes(1);
    end();
    await new Promise(setImmediate);
    expect(pass).toHaveBeenCalledTimes(2);
    end();
    await new Promise(setImmediate);
    expect(pass).toHaveBeenCalledTimes(2);
    await repeated.stop();
  });

  it('waits at a stop for the pass under way, and begins none after it', async () => {
    const { pass, repeated, end } = passes();
    repeated.kick();
    repeated.kick();
    let stopped = false;
    const stopping = repeated.stop().then(() => (stopped = true));
    await new Promise(setImmediate);
    expect(stopped).toBe(false);
    end();
    await stopping;
    repeated.kick();
    expect(pass).toHaveBeenCalledTimes(1);
  });

  it('goes on after a pass that failed, and complains once', async () => {
    const logger = new Logger('test');
    const error = jest.spyOn(logger, 'error').mockImplementation(() => undefined);
    const log = jest.spyOn(logger, 'log').mockImplementation(() => undefined);
    let failures = 2;
    const pass = async () => {
      if (failures-- > 0) throw new Error('away');
      return undefined;
    };
    const repeated = new RepeatedPass({ everyMs: 3_600_000, logger, pass });
    for (let i = 0; i < 3; i++) {
      repeated.kick();
      await new Promise(setImmediate);
    }
    await repeated.stop();
    expect(error).toHaveBeenCalledTimes(1);
    expect(log).toHaveBeenCalledTimes(1);
  });
});
