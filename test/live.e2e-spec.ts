import { afterEach, describe, expect, it } from '@jest/globals';
import { connected, disconnected, eventsOf, liveApp, room, type LiveApp } from './live-fixtures.js';
import { eventually } from './platform-fixtures.js';

let open: LiveApp[] = [];

async function given(options: Parameters<typeof liveApp>[0] = {}): Promise<LiveApp> {
  const app = await liveApp(options);
  open.push(app);
  return app;
}

afterEach(async () => {
  await Promise.all(open.map((app) => app.close()));
  open = [];
});

describe('Connecting', () => {
  it.each([['nothing'], [''], ['unknown'], [17], [{ a: 1 }], ['x'.repeat(10_000)]])(
    'is refused with %j',
    async (token) => {
      const { client } = await given();
      await expect(connected(client(token === 'nothing' ? undefined : token))).rejects.toMatchObject({
        data: { code: 'authentication_error' },
      });
    },
  );

  it('is possible with a token, over both transports', async () => {
    const { client, doorman } = await given();
    const token = doorman.let('token');
    expect((await connected(client(token))).connected).toBe(true);
    expect((await connected(client(token, { transports: ['polling'] }))).connected).toBe(true);
  });

  it('is limited by address, and possible again when another has left', async () => {
    const { client, doorman } = await given({ sockets: { perAddress: 2 } });
    const token = doorman.let('token');
    const first = await connected(client(token));
    await connected(client(token));
    await expect(connected(client(token))).rejects.toMatchObject({ data: { code: 'rate_limit_error' } });
    first.disconnect();
    await eventually(
      () => connected(client(token)).catch(() => null),
      (socket) => socket !== null,
    );
  });

  it('is refused to pages of other origins than ours and those allowed', async () => {
    const { client, doorman, port } = await given({ corsOrigins: ['https://app.example.com'] });
    const from = (origin: string) => connected(client(doorman.let('token'), { extraHeaders: { origin } }));
    await expect(from('https://evil.example.com')).rejects.toThrow();
    await expect(from('null')).rejects.toThrow();
    await expect(from('https://app.example.com')).resolves.toBeDefined();
    await expect(from(`http://127.0.0.1:${port}`)).resolves.toBeDefined();
  });
});

describe('Messages', () => {
  it('are acknowledged, with what the handler returns or why it did not', async () => {
    const { client, doorman } = await given();
    const socket = await connected(client(doorman.let('token')));
    const send = (name: string, ...args: unknown[]) => socket.emitWithAck(name, ...args) as Promise<unknown>;
    const refused = (code: string) => ({ ok: false, error: expect.objectContaining({ code }) });
    expect(await send('who')).toEqual({ ok: true, role: 'member' });
    expect(await send('nonsense', {})).toEqual(refused('bad_request'));
    expect(await send('who', {}, {})).toEqual(refused('bad_request'));
    expect(await send('who', { a: Buffer.from('x') })).toEqual(refused('bad_request'));
    expect(await send('owners')).toEqual(refused('authorization_error'));
    expect(await send('session.join', { sessionId: 's2' })).toEqual(refused('not_found'));
    expect(await send('session.join', { sessionId: 's1', tenantId: 'x' })).toMatchObject({
      ok: false,
      error: { code: 'validation_error', message: expect.any(String), validationErrors: [{ field: 'tenantId' }] },
    });
    expect(await send('session.join', { sessionId: 's\0' })).toEqual(refused('validation_error'));
    const broken = await send('broken');
    expect(broken).toEqual(refused('internal_error'));
    expect(JSON.stringify(broken)).not.toContain('hunter2');
  });

  it('that nobody knows are harmless without acknowledgement too', async () => {
    const { client, doorman } = await given();
    const socket = await connected(client(doorman.let('token')));
    socket.emit('nonsense', 1, 2, 3);
    expect(await socket.emitWithAck('who')).toMatchObject({ ok: true });
  });

  it('are those of the role that the sender has now', async () => {
    const { client, doorman } = await given();
    const socket = await connected(client(doorman.let('token', { role: 'owner' })));
    expect(await socket.emitWithAck('owners')).toMatchObject({ ok: true });
    doorman.let('token', { role: 'viewer' });
    expect(await socket.emitWithAck('owners')).toMatchObject({ ok: false, error: { code: 'authorization_error' } });
  });

  it('are limited by the minute', async () => {
    const { client, doorman } = await given({ sockets: { messagesPerMinute: 3 } });
    const socket = await connected(client(doorman.let('token')));
    for (let sent = 0; sent < 3; sent++) expect(await socket.emitWithAck('who')).toMatchObject({ ok: true });
    expect(await socket.emitWithAck('who')).toMatchObject({
      ok: false,
      error: { code: 'rate_limit_error', retryAfter: expect.any(Number) },
    });
  });

  it('of more than a megabyte end the connection, not the server', async () => {
    const { client, doorman } = await given();
    const socket = await connected(client(doorman.let('token')));
    const gone = disconnected(socket);
    socket.emit('who', { nothing: 'x'.repeat(2_000_000) });
    await gone;
    expect((await connected(client('token'))).connected).toBe(true);
  });
});

describe('Joining a session', () => {
  it.each(['websocket', 'polling'])('replays the run asked for, then shows all runs live (%s)', async (transport) => {
    const { client, doorman, happen } = await given();
    happen('a', 'run.started');
    happen('a', 'message.delta', { text: 'one' });
    happen('a', 'message.delta', { text: 'zwei ✓' });
    happen('b', 'run.started');
    const socket = await connected(client(doorman.let('token'), { transports: [transport] }));
    const order: string[] = [];
    socket.on('event', () => order.push('event'));
    const events = eventsOf(socket);
    const joined = await new Promise((resolve) => {
      socket.emit('session.join', { sessionId: 's1', runId: 'a', afterSeq: 1 }, (reply: unknown) => {
        order.push('joined');
        resolve(reply);
      });
    });
    expect(joined).toMatchObject({
      ok: true,
      runs: [
        { runId: 'a', lastSeq: 3 },
        { runId: 'b', lastSeq: 1 },
      ],
    });
    await eventually(
      () => events.length,
      (count) => count === 2,
    );
    const live = happen('b', 'message.delta', { text: 'x'.repeat(70_000) });
    await eventually(
      () => events.length,
      (count) => count === 3,
    );
    expect(order[0]).toBe('joined');
    expect(events).toEqual([
      expect.objectContaining({ seq: 2 }),
      expect.objectContaining({ seq: 3, data: { text: 'zwei ✓' } }),
      live,
    ]);
  });

  it('ends with leaving', async () => {
    const { client, doorman, happen, live } = await given();
    const socket = await connected(client(doorman.let('token')));
    const events = eventsOf(socket);
    await socket.emitWithAck('session.join', { sessionId: 's1' });
    happen('a', 'run.started');
    await socket.emitWithAck('session.leave', { sessionId: 's1' });
    happen('a', 'message.delta');
    live.emit(room, [{ type: 'session.updated', at: '', data: {} }]);
    await socket.emitWithAck('who');
    expect(events).toHaveLength(1);
  });

  it('keeps events of other rooms out', async () => {
    const { client, doorman, live } = await given();
    const socket = await connected(client(doorman.let('token')));
    const events = eventsOf(socket);
    await socket.emitWithAck('session.join', { sessionId: 's1' });
    live.emit('session:t2:s1', [{ type: 'session.updated', at: '', data: {} }]);
    await socket.emitWithAck('who');
    expect(events).toEqual([]);
  });
});

describe('The end of access', () => {
  const soon = (ms: number) => new Date(Date.now() + ms);

  it('comes with the token’s, unless it is renewed by one of the same user and tenant', async () => {
    const { client, doorman } = await given();
    const brief = await connected(client(doorman.let('brief', { expiresAt: soon(300) })));
    const [events, gone] = [eventsOf(brief), disconnected(brief)];
    const firstEnd = soon(3_000);
    const renewed = await connected(client(doorman.let('first', { expiresAt: firstEnd })));
    doorman.let('second', { expiresAt: soon(60_000) });
    doorman.let('another user', { userId: 'u2' });
    doorman.let('another tenant', { tenantId: 't2' });
    for (const token of ['another user', 'another tenant']) {
      expect(await renewed.emitWithAck('auth.renew', { token })).toMatchObject({
        ok: false,
        error: { code: 'authorization_error' },
      });
    }
    expect(await renewed.emitWithAck('auth.renew', { token: 'x' })).toMatchObject({
      ok: false,
      error: { code: 'authentication_error' },
    });
    expect(await renewed.emitWithAck('auth.renew', { token: 'second' })).toMatchObject({ ok: true });
    doorman.known.delete('first');
    expect(await gone).toBe('io server disconnect');
    expect(events).toMatchObject([{ type: 'access.expired', data: {} }]);
    await new Promise((resolve) => setTimeout(resolve, firstEnd.getTime() - Date.now() + 100));
    expect(await renewed.emitWithAck('who')).toMatchObject({ ok: true });
  });

  it.each([
    ['of a user', { tenantId: 't1', userId: 'u1' }, ['first', 'second']],
    ['of a credential', { tenantId: 't1', userId: 'u1', credentialId: 'second' }, ['second']],
    ['of a tenant', { tenantId: 't1' }, ['first', 'second', 'other user']],
  ])('%s closes its sockets and no others', async (_whose, revoked, expected) => {
    const { client, doorman, live } = await given();
    doorman.let('first');
    doorman.let('second');
    doorman.let('other user', { userId: 'u2' });
    doorman.let('other tenant', { tenantId: 't2' });
    const closed: string[] = [];
    const told: string[] = [];
    const sockets = await Promise.all(
      [...doorman.known.keys()].map(async (token) => {
        const socket = await connected(client(token));
        socket.on('event', ({ type }: { type: string }) => told.push(`${token} ${type}`));
        socket.on('disconnect', () => closed.push(token));
        return socket;
      }),
    );
    live.signal('access.revoked', revoked);
    await eventually(
      () => closed.length,
      (count) => count === expected.length,
    );
    for (const socket of sockets) if (socket.connected) await socket.emitWithAck('who');
    expect(closed.sort()).toEqual([...expected].sort());
    expect(told.sort()).toEqual(expected.map((token) => `${token} access.revoked`).sort());
  });

  it('is found out without being told', async () => {
    const { client, doorman } = await given({ limits: { accessRecheckMs: 50 } });
    const removed = await connected(client(doorman.let('removed')));
    const demoted = await connected(client(doorman.let('demoted', { role: 'owner' })));
    const gone = [disconnected(removed), disconnected(demoted)];
    doorman.known.delete('removed');
    doorman.let('demoted', { role: 'viewer' });
    expect(await Promise.all(gone)).toEqual(['io server disconnect', 'io server disconnect']);
  });

  it('is found out by the next message', async () => {
    const { client, doorman } = await given();
    const socket = await connected(client(doorman.let('token')));
    const gone = disconnected(socket);
    doorman.known.delete('token');
    expect(await socket.emitWithAck('who')).toMatchObject({ ok: false, error: { code: 'authentication_error' } });
    await gone;
  });
});

describe('A restart', () => {
  it('is told to the sockets, which come back by themselves', async () => {
    const app = await given();
    const socket = await connected(app.client(app.doorman.let('token'), { reconnection: true }));
    const [events, gone] = [eventsOf(socket), disconnected(socket)];
    await app.app.close();
    open = [];
    expect(await gone).toBe('transport close');
    expect(events).toMatchObject([{ type: 'server.restart', data: {} }]);
    expect(socket.active).toBe(true);
    socket.disconnect();
  });
});
