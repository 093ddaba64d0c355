import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { MESSAGE_MAPPING_METADATA } from '@nestjs/websockets/constants.js';
import { io, type Socket } from 'socket.io-client';
import { v7 } from 'uuid';
import { permissionsOf, ROLES, type Permission, type Role } from '../src/contracts/permissions.js';
import type { AccessRule } from '../src/platform/access/access.decorator.js';
import { SocketHandlers, type SocketHandler } from '../src/platform/live/socket-handlers.js';
import { startApp, type TestApp } from './app.js';
import { Client, type Answer } from './client.js';
import { declaredHandlers, methodsOf, type Handler } from './declared-handlers.js';
import { Given, type Tenant } from './given.js';

interface Operation {
  operationId: string;
  method: string;
  /** With an id of nothing in place of each parameter. */
  path: string;
  permission: Permission | undefined;
  security: object[] | undefined;
}

const PING = { jsonrpc: '2.0', id: 1, method: 'ping' };
/** It answers all methods that are not documented, with 405. */
const UNDOCUMENTED = 'mcp_refuse';

type Document = Record<'paths', Record<string, Record<string, Record<string, unknown>>>>;

let app: TestApp;
let given: Given;
let tenant: Tenant;
let handlers: Handler[];
let operations: Operation[];

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
  tenant = await given.tenant();
  handlers = declaredHandlers(app.nest);
  const document = (await new Client(app.url).get('/openapi.json').expect(200)).json<Document>();
  operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      operationId: String(operation['operationId']),
      method: method.toUpperCase(),
      path: path.replaceAll(/\{\w+\}/g, v7()),
      permission: operation['x-permission'] as Permission | undefined,
      security: operation['security'] as object[] | undefined,
    })),
  );
}, 60_000);

afterAll(() => app.close());

function call(as: Client, { method, path }: Operation, headers: Record<string, string> = {}): PromiseLike<Answer> {
  if (path === '/mcp')
    return as.send(method, 'mcp', PING, { ...headers, accept: 'application/json, text/event-stream' });
  const inside = path.startsWith('/api/v1') ? path.slice('/api/v1'.length) : path.slice(1);
  return as.send(method, inside, undefined, headers);
}

/** What JSON-RPC has inside its errors. */
function codeOf(answer: Answer): unknown {
  const { code, error } = answer.json<{ code?: string; error: true | { data?: { code: string } } }>();
  return error === true ? code : error.data?.code;
}

function ruleOf({ operationId }: Operation): AccessRule | null {
  const access = handlers.find((handler) => handler.operationId === operationId)?.access;
  if (!access) throw new Error(`${operationId} declares nothing`);
  return access.public ? null : access.rule;
}

function shown({ operationId }: Operation, answer: Answer): unknown[] {
  const permission =
    answer.status === 403 ? answer.json<{ details: Record<string, unknown> }>().details['permission'] : null;
  return [operationId, answer.status, permission];
}

describe('Every HTTP handler', () => {
  it('declares who may call it', () => {
    expect(handlers.filter(({ access }) => !access).map(({ operationId }) => operationId)).toEqual([]);
    expect(handlers.length).toBeGreaterThan(40);
  });

  it('says why, if anybody may', () => {
    const open = handlers.flatMap(({ operationId, access }) => (access?.public ? [[operationId, access.why]] : []));
    expect(open.map(([operationId]) => operationId).sort()).toEqual([
      'auth_login',
      'auth_refresh',
      'health_all',
      'health_live',
      'health_ready',
      'mcpOAuth_callback',
      'mcpOAuth_clientMetadata',
      'mcp_refuse',
      'metrics_read',
      'protectedResource_read',
      'protectedResource_readOfMcp',
    ]);
    for (const [, why] of open) expect(why).toMatch(/\w+ \w+ \w+/);
  });

  it('that is a POST says how it is answered when it is sent again', () => {
    const posts = handlers.filter(({ method }) => method === 'POST');
    expect(posts.filter(({ replay }) => replay === undefined).map(({ operationId }) => operationId)).toEqual([]);
    expect(handlers.filter(({ method, replay }) => method !== 'POST' && replay !== undefined)).toEqual([]);
  });

  it('is in the OpenAPI document, with its permission and its security', () => {
    const documented = operations.map(({ operationId, permission, security }) => [
      operationId,
      permission,
      security?.length !== 0,
    ]);
    const declared = handlers.map(({ operationId, access }) => [
      operationId,
      access && !access.public ? access.rule.can : undefined,
      access?.public === false,
    ]);
    expect(documented.sort()).toEqual(declared.filter(([id]) => id !== UNDOCUMENTED).sort());
  });
});

describe('Without a credential that is good', () => {
  it.each([
    ['none', null],
    ['a made-up token', 'eyJhbGciOiJIUzI1NiJ9.e30.x'],
    ['a made-up key', `sk-${'x'.repeat(43)}`],
  ])('(%s) there is no way in but to what is public', async (_what, credential) => {
    const stranger = new Client(app.url, credential);
    for (const operation of operations) {
      const answer = await call(stranger, operation);
      if (ruleOf(operation)) {
        expect(shown(operation, answer)).toEqual([operation.operationId, 401, null]);
        expect(codeOf(answer)).toBe('authentication_error');
      } else expect(PASSED).toContain(answer.status);
    }
  });
});

/** A login of its own for each call: some end the login they come by. */
async function loginsOf(role: Role): Promise<() => Promise<Client>> {
  const person = await given.member(tenant, role);
  return async () => (await given.login(person.email, person.password)).as;
}

/** Of requests that name nothing and have no body, when they were let through. */
const PASSED = new Set([200, 201, 204, 404, 422]);
const ENDS_LOGIN = new Set(['auth_logout', 'auth_logoutAll']);

describe('Through HTTP', () => {
  it.each(ROLES)('a person of role %s gets as far as the role permits', async (role) => {
    const login = await loginsOf(role);
    const permissions = permissionsOf(role);
    let as = await login();
    let refused = 0;
    for (const operation of operations) {
      const rule = ruleOf(operation);
      if (!rule) continue;
      const missing = rule.superadmin ? 'superadmin' : rule.can && !permissions.has(rule.can) ? rule.can : null;
      const answer = await call(as, operation);
      if (missing) expect(shown(operation, answer)).toEqual([operation.operationId, 403, missing]);
      else
        expect([operation.operationId, PASSED.has(answer.status) || answer.text]).toEqual([
          operation.operationId,
          true,
        ]);
      refused += missing ? 1 : 0;
      if (ENDS_LOGIN.has(operation.operationId)) as = await login();
    }
    expect(refused).toBeGreaterThanOrEqual(operations.filter((operation) => ruleOf(operation)?.superadmin).length);
  });

  it('a superadmin gets everywhere', async () => {
    const admin = await given.admin();
    for (const operation of operations.filter((of) => ruleOf(of)?.superadmin)) {
      expect(PASSED).toContain((await call(admin, operation)).status);
    }
  });

  it('an API key gets as far as its scopes permit', async () => {
    const scopes = ['agents:read'];
    const { key } = (await tenant.as.post('/api-keys', { name: 'Reader', scopes }).expect(201)).json<{ key: string }>();
    for (const [as, headers] of [
      [new Client(app.url, key), {}],
      [new Client(app.url), { 'x-api-key': key }],
    ] as const) {
      for (const operation of operations) {
        const rule = ruleOf(operation);
        if (!rule) continue;
        const may = rule.apiKeys !== false && !rule.superadmin && (rule.can === undefined || scopes.includes(rule.can));
        const answer = await call(as, operation, headers);
        if (may)
          expect([operation.operationId, PASSED.has(answer.status) || answer.text]).toEqual([
            operation.operationId,
            true,
          ]);
        else {
          const missing = rule.apiKeys === false ? undefined : rule.superadmin ? 'superadmin' : rule.can;
          expect(shown(operation, answer)).toEqual([operation.operationId, 403, missing]);
        }
      }
    }
  });

  it('an API key of a superadmin is none', async () => {
    const admin = await given.admin();
    const { key } = (await admin.post('/api-keys', { name: 'All' }).expect(201)).json<{ key: string }>();
    await new Client(app.url, key).get('/admin/tenants').expect(403);
    const me = await new Client(app.url, key).get('/auth/me').expect(200);
    expect(me.json()).toMatchObject({ role: 'owner', superadmin: false });
  });
});

/** Who may send which message. */
const MESSAGES: Record<string, AccessRule> = {
  'auth.renew': {},
  'session.join': { can: 'sessions:read' },
  'session.leave': { can: 'sessions:read' },
  'message.send': { can: 'messages:create' },
  'permission.decide': { can: 'permissions:decide' },
  'tool.result': { can: 'messages:create' },
  'run.cancel': { can: 'messages:create' },
  'collection.join': { can: 'rag:read' },
  'collection.leave': { can: 'rag:read' },
};

function socketHandlers(): ReadonlyMap<string, SocketHandler<object>> {
  return Reflect.get(app.nest.get(SocketHandlers), 'handlers') as ReadonlyMap<string, SocketHandler<object>>;
}

interface Reply {
  ok: boolean;
  error?: { code: string; details: Record<string, unknown> };
}

async function connected(as: Client): Promise<Socket> {
  const socket = io(app.url, {
    auth: { token: as.token },
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return socket;
}

describe('Through a socket', () => {
  it('all messages go by handlers that declare who may send them', () => {
    const declared = [...socketHandlers()].map(([name, { access }]) => [name, access]);
    expect(Object.fromEntries(declared)).toEqual(MESSAGES);
    const providers = [...app.nest.get(ModulesContainer).values()].flatMap((module) => [...module.providers.values()]);
    const classes = providers.flatMap(({ metatype }) =>
      typeof metatype === 'function' && metatype.prototype ? [metatype as Type] : [],
    );
    const others = classes
      .flatMap(methodsOf)
      .filter(([, method]) => Reflect.hasMetadata(MESSAGE_MAPPING_METADATA, method));
    expect(others).toEqual([]);
    expect(classes.length).toBeGreaterThan(50);
  });

  it.each(ROLES)('a person of role %s gets as far as the role permits', async (role) => {
    const login = await loginsOf(role);
    const socket = await connected(await login());
    try {
      for (const [name, { can }] of Object.entries(MESSAGES)) {
        const { ok, error } = (await socket.timeout(5_000).emitWithAck(name, { odd: true })) as Reply;
        expect(ok).toBe(false);
        const isMissing = can !== undefined && !permissionsOf(role).has(can);
        const expected = isMissing ? ['authorization_error', can] : ['validation_error', undefined];
        expect([name, error?.code, error?.details['permission']]).toEqual([name, ...expected]);
      }
    } finally {
      socket.close();
    }
  });

  it.each([null, 'made-up', `sk-${'x'.repeat(43)}`])('nobody comes in with the credential %s', async (token) => {
    const refusal = await connected(new Client(app.url, token)).then(
      (socket) => socket.close(),
      (error: unknown) => (error as { data?: { code?: string } }).data?.code,
    );
    expect(refusal).toBe('authentication_error');
  });
});
