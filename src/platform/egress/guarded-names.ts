import { lookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { promisify } from 'node:util';
import type { AddressRules } from './address-rules.js';

/** A name or address that someone gave leads where nothing may be dialled for them. */
export class AddressRefused extends Error {
  /** Says nothing of what the name stands for: that would let outsiders read the DNS of the inside. */
  constructor(readonly host: string) {
    super(`${host} leads to an address that is not public`);
    this.name = 'AddressRefused';
  }
}

export type Resolve = (name: string) => Promise<readonly LookupAddress[]>;

const lookUp = promisify(lookup);
const bySystem: Resolve = (name) => lookUp(name, { all: true });

/** Names become addresses here, once, and only those that may be dialled come out. */
export class GuardedNames {
  constructor(
    private readonly rules: AddressRules,
    private readonly resolve: Resolve = bySystem,
  ) {}

  /** The addresses to dial, and no others: asked again, the name may stand for another one. Never empty. */
  async addressesOf(host: string): Promise<LookupAddress[]> {
    const family = isIP(host);
    const found = family === 0 ? await this.resolve(host) : [{ address: host, family }];
    const permitted = found.filter(({ address }) => this.rules.permits(address));
    if (permitted.length === 0) throw new AddressRefused(host);
    return permitted;
  }

  /** In the place of `dns.lookup` where a socket is opened; a literal address is never asked for there. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.addressesOf(hostname).then(
      (addresses) => {
        const [first] = addresses as [LookupAddress];
        if (options.all) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, options.all ? [] : ''),
    );
  };
}
