import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { FakeMcp } from './mcp/fake-mcp.js';
import { saying } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;
let far: FakeMcp;

beforeAll(async () => {
  app = await startApp({ ...manyModels(), EGRESS_ALLOW: '127.0.0.0/8' });
  talks = new Conversations(app);
}, 60_000);
beforeEach(async () => {
  far = await new FakeMcp().start();
});
afterEach(async () => {
  app.upstream.reset();
  await far.stop();
});
afterAll(() => app.close());

async function plugged(more: object = {}): Promise<{ talk: Talk; serverId: string; status: () => Promise<number> }> {
  const talk = await talks.start({ tools: ['far:*'], permissionPolicy: { default: 'allow' } });
  const body = { name: 'far', transport: 'http', url: far.url, ...more };
  const { id: serverId } = (await talk.as.post('/mcp/servers', body).expect(201)).json<{ id: string }>();
  const call = { serverId, tool: 'echo', arguments: {} };
  return { talk, serverId, status: async () => (await talk.as.post('/mcp/execute', call)).status };
}

const told = ({ model }: Talk): string => JSON.stringify(talks.sent(model).at(-1)?.system);

describe('A server that does not say what its tools are', () => {
  it('is waited for as long as it may take, and not again by the next turn', async () => {
    far.hangsOn = 'tools/list';
    const { talk, status } = await plugged({ timeoutMs: 2_000 });
    await talks.ask(talk, [saying('Without')]);
    expect(told(talk)).toContain('far');
    for (const words of ['Once more', 'And again']) await talks.ask(talk, [saying(words)]);
    expect([await status(), far.count('tools/list')]).toEqual([504, 1]);
  });

  it('is asked anew when its row is changed', async () => {
    far.hangsOn = 'tools/list';
    const { talk, serverId, status } = await plugged({ timeoutMs: 300 });
    expect(await status()).toBe(504);
    far.hangsOn = null;
    await talk.as.patch(`/mcp/servers/${serverId}`, { timeoutMs: 5_000 }).expect(200);
    expect(await status()).toBe(200);
  });

  it.each([
    ['refuses', { status: 500 }, 503],
    ['leads inside', { status: 302, headers: { location: 'http://10.0.0.1/x' } }, 502],
    ['is a page', { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Hi</h1>' }, 502],
  ])('as it %s is told apart', async (_what, refusal, expected) => {
    far.refusal = refusal;
    const { talk, serverId, status } = await plugged();
    expect([await status(), (await talk.as.get(`/mcp/servers/${serverId}/discover`)).status]).toEqual([
      expected,
      expected,
    ]);
  });
});
