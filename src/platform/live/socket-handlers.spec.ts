import { describe, expect, it } from '@jest/globals';
import { SocketHandlers } from './socket-handlers.js';

class NameDto {
  name: string;
}

const handle = () => Promise.resolve({});

describe('SocketHandlers', () => {
  it('gives the handler of a message', () => {
    const handlers = new SocketHandlers();
    handlers.on('a.b', { access: { can: 'sessions:read' }, payload: NameDto, handle });
    expect(handlers.find('a.b')?.access.can).toBe('sessions:read');
    expect(handlers.find('toString')).toBeUndefined();
  });

  it('takes no handler that does not declare who may send the message', () => {
    const handlers = new SocketHandlers();
    // @ts-expect-error: access is missing
    expect(() => handlers.on('a.b', { payload: NameDto, handle })).toThrow('declares no access');
    expect(handlers.find('a.b')).toBeUndefined();
  });

  it('takes no handler that does not declare what comes', () => {
    // @ts-expect-error: payload is missing
    expect(() => new SocketHandlers().on('a.b', { access: {}, handle })).toThrow('declares no payload');
  });

  it('takes one handler for a message', () => {
    const handlers = new SocketHandlers();
    handlers.on('a.b', { access: {}, payload: NameDto, handle });
    expect(() => handlers.on('a.b', { access: {}, payload: NameDto, handle })).toThrow('already');
  });
});
