import type { IncomingMessage } from 'node:http';
import { expect, it } from '@jest/globals';
import { clientAddress } from './client-address.js';

function request(peer: string, forwarded?: string): IncomingMessage {
  return { socket: { remoteAddress: peer }, headers: { 'x-forwarded-for': forwarded } } as unknown as IncomingMessage;
}

it('believes X-Forwarded-For only as far as the proxies that add to it are trusted', () => {
  const chain = request('10.0.0.1', '6.6.6.6, 1.2.3.4, 10.0.0.2');
  expect(clientAddress(chain, () => false)).toBe('10.0.0.1');
  expect(clientAddress(chain, (address) => address.startsWith('10.'))).toBe('1.2.3.4');
  expect(clientAddress(chain, (_address, distance) => distance < 1)).toBe('10.0.0.2');
  expect(clientAddress(chain, () => true)).toBe('6.6.6.6');
  expect(clientAddress(request('10.0.0.1'), () => true)).toBe('10.0.0.1');
});
