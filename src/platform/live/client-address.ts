import type { IncomingMessage } from 'node:http';

/** Express's compiled `trust proxy` setting. */
export type TrustProxy = (address: string, distance: number) => boolean;

/**
 * The client's address as Express finds it for requests: the nearest one, counted from our end of `X-Forwarded-For`,
 * that is no trusted proxy.
 */
export function clientAddress(request: IncomingMessage, trusts: TrustProxy): string {
  const peer = request.socket.remoteAddress ?? '';
  const forwarded = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
  const chain = [peer, ...forwarded.reverse()];
  return chain.find((address, distance) => distance === chain.length - 1 || !trusts(address, distance)) ?? peer;
}
