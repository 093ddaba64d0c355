import ipaddr from 'ipaddr.js';
import { ValidationFailed } from '../../contracts/errors.js';
import { isWithin, parseAddress, parseNetwork, type Address, type Network } from './networks.js';

/** All there is on the public internet; what IPv6 has outside of it is for links, sites, tests and translators. */
const PUBLIC_IPV6 = required('2000::/3');
/** An IPv6 address that stands for the IPv4 one in its last 32 bits, wherever the operator runs a translator. */
const TRANSLATED = required('64:ff9b::/96');
/** Public by its number, and the host's own service on every machine of Azure. */
const OF_HOSTS = required('168.63.129.16');

/** Which addresses may be dialled for those who give them: public ones, and what the operator allows besides. */
export class AddressRules {
  private readonly networks: readonly Network[];

  /** `allowed`: networks as in EGRESS_ALLOW. */
  constructor(allowed: readonly string[]) {
    this.networks = allowed.map(required);
  }

  permits(text: string): boolean {
    const address = parseAddress(text);
    return address !== null && this.permitsAddress(address);
  }

  private permitsAddress(address: Address): boolean {
    if (!isWithin(address, this.networks)) return isPublic(address);
    // Allowing the translator's network does not allow all that lies behind it.
    return !isWithin(address, [TRANSLATED]) || this.permitsAddress(lastFourBytes(address));
  }

  /**
   * Why nothing may be dialled at this host of a parsed URL, as far as can be told without asking the DNS.
   * `URL` has brought the odd spellings of IPv4 (decimal, octal, hexadecimal, full-width) into their one form by then.
   */
  faultOfHost(hostname: string): string | null {
    const name = hostname.replace(/\.+$/, '');
    const literal = name.startsWith('[') ? name.slice(1, -1) : name;
    const addresses = /(^|\.)localhost$/i.test(name) ? ['127.0.0.1', '::1'] : [literal];
    if (name === '' || (parseAddress(addresses[0] ?? '') && !addresses.some((address) => this.permits(address))))
      return `${hostname} is not a public address`;
    return null;
  }

  /** @throws ValidationFailed on `field` for a URL that no request may go to; what only the DNS knows is found on use. */
  assertAddressable(url: string, field: string): URL {
    const fault = (message: string): ValidationFailed => ValidationFailed.of(field, `${field} ${message}`);
    const parsed = URL.parse(url);
    if (!parsed) throw fault('must be a URL');
    if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') throw fault('must begin with http:// or https://');
    // Not repeated in the answer: it may be a password.
    if (parsed.username || parsed.password) throw fault('must not carry a user name or password');
    const ofHost = this.faultOfHost(parsed.hostname);
    if (ofHost) throw fault(`may not be used: ${ofHost}`);
    return parsed;
  }
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' ? !isWithin(address, [OF_HOSTS]) : isWithin(address, [PUBLIC_IPV6]);
}

function lastFourBytes(address: Address): Address {
  return new ipaddr.IPv4(address.toByteArray().slice(-4));
}

function required(text: string): Network {
  const network = parseNetwork(text);
  if (!network) throw new Error(`${text} is no network`);
  return network;
}
