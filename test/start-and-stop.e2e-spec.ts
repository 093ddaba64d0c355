import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Given } from './given.js';
import { eventually } from './platform-fixtures.js';
import { startServer } from './server.js';
import { createTestStore, type TestStore } from './test-store.js';
import { FakeAnthropic } from './upstream/fake-anthropic.js';

let store: TestStore;
let upstream: FakeAnthropic;

beforeEach(async () => {
  store = await createTestStore();
  upstream = await new FakeAnthropic().start();
});
afterEach(async () => {
  await upstream.stop();
  await store.drop();
});

describe('A start that can not be', () => {
  it('says every fault of the settings in a line each, those of the models too', async () => {
    const start = startServer({ PORT: 'x', DEFAULT_MODEL: 'gpt-0', DB_POOL_SIZE: '-1', TRUST_PROXY: 'maybe' }, store);
    const { message } = await start.then(
      () => new Error('it started'),
      (error: unknown) => error as Error,
    );
    expect(message).toMatch(/exit code 1: /);
    expect(message.trimEnd().split('\n')).toEqual([
      expect.stringContaining('PORT'),
      expect.stringContaining('DB_POOL_SIZE'),
      expect.stringContaining('TRUST_PROXY'),
      expect.stringMatching(/^DEFAULT_MODEL must be one of the known models: .*offline/),
    ]);
  });

  it('names the file of models that can not be read', async () => {
    await expect(startServer({ MODELS_FILE: '/nowhere.json' }, store)).rejects.toThrow(
      /exit code 1: MODELS_FILE \/nowhere\.json cannot be read: [^\n]*\n$/,
    );
  });

  it('names the embedding model that is not known, and its file that can not be read', async () => {
    await expect(startServer({ EMBEDDING_MODEL: 'voyage-99' }, store)).rejects.toThrow(
      /exit code 1: EMBEDDING_MODEL voyage-99 is not one of the known embedding models: offline, voyage:[^\n]*\n$/,
    );
    await expect(startServer({ EMBEDDING_MODELS_FILE: '/nowhere.json' }, store)).rejects.toThrow(
      /exit code 1: EMBEDDING_MODELS_FILE \/nowhere\.json cannot be read: [^\n]*\n$/,
    );
  });

  it('says in one line that the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(startServer({ PORT: String(port) }, store)).rejects.toThrow(
      new RegExp(`exit code 1: PORT ${port} of 127.0.0.1 is in use by another process\n$`),
    );
    other.close();
  });
});

describe('A process that serves', () => {
  it('logs what it does in lines of JSON, with the request that led to it', async () => {
    const server = await startServer({ LOG_LEVEL: 'info' }, store);
    const { as } = await new Given({ url: server.url }).tenant();
    const { id } = (await as.post('/sessions', { model: 'offline' }).expect(201)).json<{ id: string }>();
    const message = { content: 'Hi' };
    const sent = await as.post(`/sessions/${id}/messages`, message, { 'x-correlation-id': 'mine' }).expect(201);
    await server.stop();
    const { run } = sent.json<{ run: { id: string } }>();
    const lines = server.log();
    expect(lines).toContainEqual(
      expect.objectContaining({ context: 'Runs', runId: run.id, status: 'completed', correlationId: 'mine' }),
    );
    expect(lines.filter(({ context }) => context === 'Shutdown').map(({ msg }) => msg)).toEqual([
      'SIGTERM: stopping',
      'Stopped',
    ]);
    expect(lines.some(({ context }) => context === 'InstanceLoader')).toBe(false);
  });
});

describe('A process told to stop', () => {
  // Connections that are cut for not ending by themselves would take longer.
  it('answers who waits, and does not wait for their connections to be used again', async () => {
    const server = await startServer({ ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: upstream.url }, store);
    const given = new Given({ url: server.url });
    const { as } = await given.tenant();
    const agentId = await given.agentOf(as, { model: 'claude-haiku-4-5' });
    const { id } = (await as.post('/sessions', { agentId }).expect(201)).json<{ id: string }>();
    upstream.enqueue({ silent: true });
    const waiting = Promise.resolve(as.post(`/sessions/${id}/messages`, { content: 'Hi' }));
    await eventually(
      () => upstream.calls,
      (calls) => calls === 1,
    );
    const { port } = new URL(server.url);
    const [silent, halfWay] = [connect(Number(port), '127.0.0.1'), connect(Number(port), '127.0.0.1')];
    for (const socket of [silent, halfWay]) socket.on('error', () => undefined);
    await Promise.all([once(silent, 'connect'), once(halfWay, 'connect')]);
    halfWay.write('GET / HTTP/1.1\r\nhost: x');
    const stopped = server.stop();
    const late = AbortSignal.timeout(10_000);
    const answer = await waiting;
    expect([answer.status, answer.json()]).toEqual([202, { run: expect.objectContaining({ id: expect.any(String) }) }]);
    await Promise.race([stopped, once(late, 'abort').then(() => Promise.reject(new Error('It does not stop')))]);
  });
});
