import { describe, expect, it } from '@jest/globals';
import { ClientStream, ProtocolFault, queryMessage, startupMessage, syncMessage } from './wire-protocol.js';

const parse = Buffer.from([0x50, 0, 0, 0, 8, 0, 0x61, 0, 0]);
const flush = Buffer.from([0x48, 0, 0, 0, 4]);
const terminate = Buffer.from([0x58, 0, 0, 0, 4]);
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const cancelRequest = Buffer.from([0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 0, 0, 0, 2]);

function streamOf(...chunks: Uint8Array[]): ClientStream {
  const stream = new ClientStream();
  for (const chunk of chunks) stream.push(Buffer.from(chunk));
  return stream;
}

function exchangesOf(stream: ClientStream): [string, number][] {
  const found: [string, number][] = [];
  for (let it = stream.exchange(); it; it = stream.exchange()) {
    found.push([it.ends, it.bytes.length]);
    if (it.ends === 'terminate') break;
  }
  return found;
}

describe('ClientStream', () => {
  it('tells the openings of a connection apart', () => {
    const stream = streamOf(sslRequest, startupMessage({ user: 'someone' }));

    expect([stream.opening(), stream.opening(), stream.opening()]).toEqual(['encryption', 'startup', undefined]);
    expect(streamOf(cancelRequest).opening()).toBe('cancel');
  });

  it('waits for a whole opening', () => {
    const whole = startupMessage({ user: 'someone' });
    const stream = streamOf(whole.subarray(0, 12));
    expect(stream.opening()).toBeUndefined();

    stream.push(Buffer.from(whole.subarray(12)));

    expect(stream.opening()).toBe('startup');
  });

  it.each([
    ['an unknown protocol', Buffer.from([0, 0, 0, 8, 0, 2, 0, 0])],
    ['an opening longer than any is', Buffer.from([0x47, 0x45, 0x54, 0x20, 0x2f, 0x20, 0x48, 0x54])],
  ])('refuses %s', (_, bytes) => {
    expect(() => streamOf(bytes).opening()).toThrow(ProtocolFault);
  });

  it('refuses a message of impossible length', () => {
    expect(() => streamOf(Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff])).exchange()).toThrow(ProtocolFault);
  });

  it('keeps an extended query together up to its Sync', () => {
    const stream = streamOf(parse, syncMessage(), queryMessage('SELECT 1'));

    expect(exchangesOf(stream)).toEqual([
      ['complete', parse.length + 5],
      ['complete', 14],
    ]);
  });

  it('finds the same exchanges however the bytes arrive', () => {
    const bytes = Buffer.concat([parse, flush, parse, syncMessage(), queryMessage('SELECT 1'), terminate]);
    const stream = new ClientStream();
    const found: [string, number][] = [];

    for (const byte of bytes) {
      stream.push(Buffer.from([byte]));
      found.push(...exchangesOf(stream));
    }

    expect(found).toEqual(exchangesOf(streamOf(bytes)));
    expect(found).toEqual([
      ['flush', parse.length + 5],
      ['complete', parse.length + 5],
      ['complete', 14],
      ['terminate', 0],
    ]);
  });

  it('drops messages that a client leaves behind unsynced', () => {
    expect(exchangesOf(streamOf(parse, terminate))).toEqual([['terminate', 0]]);
  });

  it('ends a COPY from the client, which could not be fed', () => {
    const copy = queryMessage('COPY things FROM STDIN');

    expect(Buffer.from(streamOf(copy).exchange()?.bytes ?? []).subarray(copy.length, copy.length + 1)).toEqual(
      Buffer.from('f'),
    );
  });
});
