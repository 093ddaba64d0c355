import { describe, expect, it } from '@jest/globals';
import { effectivePermissions, isScope, permissionsOf, roleAtLeast, ROLES, type Permission } from './permissions.js';

/** The least role that has it, from the public contract. */
const FLOOR: [Permission, (typeof ROLES)[number]][] = [
  ['agents:read', 'viewer'],
  ['sessions:read', 'viewer'],
  ['rag:read', 'viewer'],
  ['usage:read', 'viewer'],
  ['quotas:read', 'viewer'],
  ['tenant:read', 'viewer'],
  ['apiKeys:read', 'viewer'],
  ['workflows:read', 'viewer'],
  ['sessions:create', 'member'],
  ['messages:delete', 'member'],
  ['files:create', 'member'],
  ['tasks:execute', 'member'],
  ['documents:create', 'member'],
  ['agents:execute', 'member'],
  ['workflows:execute', 'member'],
  ['mcp:execute', 'member'],
  ['apiKeys:create', 'member'],
  ['permissions:decide', 'member'],
  ['approvals:decide', 'member'],
  ['agents:create', 'admin'],
  ['agents:update', 'admin'],
  ['mcp:update', 'admin'],
  ['workflows:create', 'admin'],
  ['triggers:create', 'admin'],
  ['rag:create', 'admin'],
  ['documents:delete', 'admin'],
  ['members:read', 'admin'],
  ['members:create', 'admin'],
  ['quotas:update', 'admin'],
  ['secrets:read', 'admin'],
  ['secrets:create', 'admin'],
  ['audit:read', 'admin'],
  ['tenant:update', 'owner'],
  ['tenant:delete', 'owner'],
];

describe('the permissions of the roles', () => {
  it.each(FLOOR)('%s begins at %s', (permission, floor) => {
    for (const role of ROLES) expect(permissionsOf(role).has(permission)).toBe(roleAtLeast(role, floor));
  });

  it('grow from role to role', () => {
    const sizes = ROLES.map((role) => permissionsOf(role).size);
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(new Set(sizes).size).toBe(ROLES.length);
  });
});

describe('the effective permissions of an API key', () => {
  it('are all of the role without scopes or with *', () => {
    expect(effectivePermissions('member', null)).toEqual(permissionsOf('member'));
    expect(effectivePermissions('member', ['*'])).toEqual(permissionsOf('member'));
  });

  it('are what the scopes name, where the role has it too', () => {
    expect([...effectivePermissions('member', ['agents:*', 'audit:read'])].sort()).toEqual([
      'agents:execute',
      'agents:read',
    ]);
  });

  it('shrink with the role', () => {
    expect(effectivePermissions('admin', ['agents:create']).has('agents:create')).toBe(true);
    expect(effectivePermissions('viewer', ['agents:create']).size).toBe(0);
  });

  it('are none for an empty list', () => {
    expect(effectivePermissions('owner', []).size).toBe(0);
  });

  it('do not include by *:read what not every reader sees', () => {
    const readable = effectivePermissions('owner', ['*:read']);
    expect(readable.has('agents:read')).toBe(true);
    expect(readable.has('audit:read')).toBe(false);
  });
});

describe('a scope', () => {
  it.each(['agents:read', 'agents:*', '*:read', '*'])('may be %s', (text) => expect(isScope(text)).toBe(true));

  it.each([
    '',
    'agents',
    'agents:',
    ':read',
    'agents:fly',
    'nothing:read',
    'agents:read:more',
    '**',
    'AGENTS:READ',
    'superadmin',
  ])('may not be "%s"', (text) => expect(isScope(text)).toBe(false));
});
