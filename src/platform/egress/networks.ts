import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type Network = [Address, number];

const MAPPED_BITS = 96;

/** Null for what is no address. An IPv4-mapped one counts as its IPv4. */
export function parseAddress(text: string): Address | null {
  // A zone names an interface of ours, which no address that someone gives may choose.
  if (isIP(text) === 0 || text.includes('%')) return null;
  if (isIP(text) === 4) return ipaddr.IPv4.parse(text);
  // Written with dots, ipaddr.js takes an IPv4-compatible address (::1.2.3.4) for a mapped one; the system does not.
  return ipaddr.process(new URL(`http://[${text}]`).hostname.slice(1, -1));
}

/** An address or a network, as `10.0.0.0/8` or `fd00::1`; null for what is neither. */
export function parseNetwork(text: string): Network | null {
  const [address = '', prefix, ...more] = text.split('/');
  const parsed = parseAddress(address);
  if (!parsed || more.length > 0) return null;
  const widest = isIP(address) === 4 ? 32 : 128;
  if (prefix === undefined) return [parsed, parsed.kind() === 'ipv4' ? 32 : 128];
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > widest) return null;
  if (widest === 32 || parsed.kind() === 'ipv6') return [parsed, Number(prefix)];
  return Number(prefix) < MAPPED_BITS ? null : [parsed, Number(prefix) - MAPPED_BITS];
}

export function isWithin(address: Address, networks: readonly Network[]): boolean {
  return networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}
