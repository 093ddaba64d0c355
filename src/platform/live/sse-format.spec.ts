import { describe, expect, it } from '@jest/globals';
import { BadRequest } from '../../contracts/errors.js';
import { parseLastEventId, sseEvent } from './sse-format.js';

const at = '2026-01-01T00:00:00.000Z';

describe('sseEvent', () => {
  it('has the seq as id, the type as event and the envelope as data', () => {
    const envelope = { seq: 17, type: 'message.delta' as const, sessionId: 's', runId: 'r', at, data: { text: 'a' } };
    expect(sseEvent(envelope).toString()).toBe(`id: 17\nevent: message.delta\ndata: ${JSON.stringify(envelope)}\n\n`);
  });

  it('has no id without a seq', () => {
    const envelope = { type: 'session.updated' as const, sessionId: 's', at, data: {} };
    expect(sseEvent(envelope).toString()).toBe(`event: session.updated\ndata: ${JSON.stringify(envelope)}\n\n`);
  });

  it('keeps line ends of every kind inside of the one data line', () => {
    const data = { text: 'a\nb\rc\r\nd\u2028e\n\nevent: run.failed\n\n' };
    const text = sseEvent({ seq: 1, type: 'message.delta', sessionId: 's', runId: 'r', at, data }).toString();
    expect(text.split(/\r\n|\r|\n/)).toHaveLength(5);
    expect((JSON.parse(text.split('\n')[2]!.slice('data: '.length)) as { data: object }).data).toEqual(data);
  });
});

describe('parseLastEventId', () => {
  it('starts at the beginning without a header', () => {
    expect(parseLastEventId(undefined)).toBe(0);
    expect(parseLastEventId('')).toBe(0);
  });

  it('takes the number', () => expect(parseLastEventId('17')).toBe(17));

  it.each(['-1', '1.5', 'abc', '1, 2', '0x10', '9'.repeat(40), ' 1'])('refuses %j', (header) => {
    expect(() => parseLastEventId(header)).toThrow(BadRequest);
  });
});
