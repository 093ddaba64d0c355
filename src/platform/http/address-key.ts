import { isIPv6 } from 'node:net';

/** What a rate limit counts an address by. An IPv6 client has a /64 of its own, so that counts as one. */
export function addressKey(address: string | undefined): string {
  if (address === undefined || address === '') return 'unknown';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  return isIPv6(address) ? network(address) : address;
}

function network(address: string): string {
  const plain = address.split('%', 1)[0] ?? address;
  const [head = '', tail] = plain.split('::', 2);
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  // An IPv4 ending stands for two groups.
  const written = left.length + right.length + (plain.includes('.') ? 1 : 0);
  const zeros = tail === undefined ? 0 : 8 - written;
  const first = [...left, ...Array<string>(zeros).fill('0'), ...right].slice(0, 4);
  return `${first.map((group) => parseInt(group, 16).toString(16)).join(':')}::/64`;
}

function groups(text: string): string[] {
  return text === '' ? [] : text.split(':');
}
