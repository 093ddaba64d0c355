import { describe, expect, it } from '@jest/globals';
import { ValidationFailed } from '../../contracts/errors.js';
import { AddressRules } from './address-rules.js';

const none = new AddressRules([]);

describe('AddressRules', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '192.169.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8'])(
    'permits %s, which is public',
    (address) => expect(none.permits(address)).toBe(true),
  );

  it.each([
    ['this network', '0.0.0.0', '0.1.2.3'],
    ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
    ['shared by carriers', '100.64.0.1', '100.127.255.255'],
    ['loopback', '127.0.0.1', '127.255.255.254', '::1'],
    ['link-local', '169.254.1.1', 'fe80::1', 'febf::1', 'fe80::1%eth0'],
    ['metadata', '169.254.169.254', 'fd00:ec2::254', '100.100.100.200', '192.0.0.192', '168.63.129.16'],
    ['unique-local', 'fc00::1', 'fdff::1', 'fec0::1'],
    ['reserved', '192.0.0.1', '198.18.0.1', '240.0.0.1', '192.88.99.1', '100::1', '5f00::1', '4000::1'],
    ['documentation', '192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
    ['multicast', '224.0.0.1', '239.255.255.255', 'ff02::1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['mapped', '::ffff:127.0.0.1', '::ffff:a00:1', '::ffff:169.254.169.254', '0:0:0:0:0:ffff:7f00:1'],
    ['compatible', '::127.0.0.1', '::8.8.8.8', '::7f00:1'],
    ['translated', '64:ff9b::127.0.0.1', '64:ff9b::8.8.8.8', '64:ff9b:1::a00:1', '::ffff:0:127.0.0.1'],
    ['6to4', '2002:7f00:1::', '2002:808:808::1'],
    ['Teredo', '2001::1', '2001:0:4136:e378:8000:63bf:80ff:fffe'],
    ['nothing of the kind', '', 'localhost', '127.1', '0x7f000001', '2130706433', '1.2.3.4.5'],
  ])('refuses what is %s', (_kind, ...addresses) => {
    for (const address of addresses) expect([address, none.permits(address)]).toEqual([address, false]);
  });

  it('permits what the operator allows, and no more', () => {
    const rules = new AddressRules(['10.1.0.0/16', '::ffff:192.168.7.0/120', 'fd00::1']);
    for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '192.168.7.9', 'fd00::1', '8.8.8.8'])
      expect([address, rules.permits(address)]).toEqual([address, true]);
    for (const address of ['10.2.0.1', '192.168.8.1', 'fd00::2', '127.0.0.1', '::10.1.2.3', '64:ff9b::10.1.2.3'])
      expect([address, rules.permits(address)]).toEqual([address, false]);
  });

  it('judges what lies behind an allowed translator by itself', () => {
    const rules = new AddressRules(['64:ff9b::/96', '10.0.0.0/8']);
    expect(rules.permits('64:ff9b::8.8.8.8')).toBe(true);
    expect(rules.permits('64:ff9b::10.0.0.1')).toBe(true);
    expect(rules.permits('64:ff9b::127.0.0.1')).toBe(false);
  });

  it.each([
    ...[
      'not a url',
      '/relative',
      '//host',
      'ftp://example.com',
      'file:///etc/passwd',
      'javascript:alert(1)',
      'unix:/x',
    ],
    ...['http://user@example.com', 'http://:secret@example.com', 'http://example.com@127.0.0.1'],
    ...[
      'http://localhost',
      'http://LOCALHOST.',
      'http://localhost..',
      'http://a.localhost',
      'http://a.localhost.:80/x',
    ],
    ...[
      'http://127.0.0.1',
      'http://127.0.0.1.',
      'http://127.1',
      'http://2130706433',
      'http://0x7f.1',
      'http://0177.0.0.1',
    ],
    ...[
      'http://0',
      'http://①②⑦.0.0.1',
      'http://127。0。0。1',
      'http://%31%32%37.0.0.1',
      'http:127.0.0.1',
      'http:\\\\10.0.0.1',
    ],
    ...['http://[::1]', 'http://[::]', 'http://[::ffff:127.0.0.1]', 'http://[::ffff:7f00:1]', 'http://[::127.0.0.1]'],
    ...[
      'http://[fd00:ec2::254]',
      'http://[64:ff9b::7f00:1]',
      'http://169.254.169.254/latest/meta-data',
      'https://10.0.0.1:8443',
    ],
  ])('names the field for %s', (url) => {
    expect(() => none.assertAddressable(url, 'url')).toThrow(ValidationFailed);
  });

  it.each([
    'https://example.com/a?b#c',
    'http://93.184.216.34',
    'http://example.com.',
    'http://intranet',
    'http://[2606:4700::1111]:8080',
  ])('lets %s pass', (url) => expect(none.assertAddressable(url, 'url')).toBeInstanceOf(URL));

  it('lets the local host pass where its addresses are allowed', () => {
    const rules = new AddressRules(['127.0.0.0/8']);
    expect(rules.assertAddressable('http://localhost:3000', 'url').port).toBe('3000');
    expect(rules.assertAddressable('http://[::ffff:127.0.0.1]', 'url')).toBeInstanceOf(URL);
    expect(() => rules.assertAddressable('http://[::1]', 'url')).toThrow(ValidationFailed);
  });

  it('does not repeat a password', () => {
    expect.assertions(1);
    try {
      none.assertAddressable('http://user:hunter2@example.com', 'url');
    } catch (error) {
      expect(JSON.stringify([error, String(error)])).not.toContain('hunter2');
    }
  });
});
