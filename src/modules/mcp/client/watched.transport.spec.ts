import { describe, expect, it } from '@jest/globals';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { WatchedTransport } from './watched.transport.js';

const URL_OF_SERVER = new URL('https://mcp.example.com');

/** To a server that never takes what it is sent. */
function transport(underWay: Set<AbortSignal>): WatchedTransport {
  return new WatchedTransport({
    serverName: 'far',
    isOneStream: false,
    takenWithinMs: 50,
    make: (fetch) => new StreamableHTTPClientTransport(URL_OF_SERVER, { fetch }),
    fetch: (_url, { signal } = {}) =>
      new Promise((_resolve, reject) => {
        if (!signal) return;
        underWay.add(signal);
        signal.addEventListener('abort', () => {
          underWay.delete(signal);
          reject(signal.reason as Error);
        });
      }),
  });
}

describe('What a server is told', () => {
  it.each<[string, JSONRPCMessage]>([
    ['an answer', { jsonrpc: '2.0', id: 1, result: {} }],
    ['a refusal', { jsonrpc: '2.0', id: 1, error: { code: -1, message: 'No' } }],
    ['a notification', { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }],
  ])('in %s ends in time, also if it does not take it', async (_what, message) => {
    const underWay = new Set<AbortSignal>();
    const far = transport(underWay);
    await far.start();
    await expect(far.send(message)).rejects.toThrow(/aborted/);
    expect(underWay.size).toBe(0);
    expect(far.fault).toBeNull();
  });
});
