import { describe, expect, it } from '@jest/globals';
import pino from 'pino';
import { Actor } from '../access/actor.js';
import { inScope, newScope } from '../access/scope.js';
import { loggingOptions } from './logging.js';

function logged(write: (logger: pino.Logger) => void): Record<string, unknown> {
  const lines: string[] = [];
  write(pino(loggingOptions('info'), { write: (line: string) => lines.push(line) }));
  return JSON.parse(lines.join('')) as Record<string, unknown>;
}

describe('A log line', () => {
  it('names the request and the caller it belongs to', () => {
    const actor = Actor.job('tenant', 'user');
    const line = inScope(newScope({ correlationId: 'c', actor }), () => logged((logger) => logger.info('done')));
    expect(line).toMatchObject({ level: 'info', msg: 'done', correlationId: 'c', tenantId: 'tenant', userId: 'user' });
    expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  it('outside of any request names none', () => {
    expect(logged((logger) => logger.info('done'))).not.toHaveProperty('correlationId');
  });

  it('holds no secret, neither in its fields nor in its text', () => {
    const line = logged((logger) => logger.info({ body: { password: 'hunter22' } }, 'from postgres://a:hunter22@db'));
    expect(JSON.stringify(line)).not.toContain('hunter22');
  });

  it('made of an error alone has its text, without its secrets', () => {
    for (const line of [new Error('at redis://:hunter22@db'), { err: new Error('at redis://:hunter22@db') }]) {
      const written = logged((logger) => logger.error(line));
      expect(written['msg']).toMatch(/^at redis:/);
      expect(JSON.stringify(written)).not.toContain('hunter22');
    }
  });

  it('shows an error with what caused it', () => {
    const error = new Error('outer', { cause: new Error('inner') });
    const line = logged((logger) => logger.error({ err: error }, 'failed'));
    expect(line).toMatchObject({ msg: 'failed', err: { message: 'outer', cause: { message: 'inner' } } });
  });
});
