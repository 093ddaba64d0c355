import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ExecutionDto } from '../src/modules/sessions/executions/executions.dto.js';
import { ToolRegistry } from '../src/modules/tools/tool-registry.service.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels } from './conversations.js';
import { HookServer } from './hook-server.js';
import { saying } from './upstream/reply.js';
import { calling } from './waiting-runs.js';

let app: TestApp;
let talks: Conversations;
let server: HookServer;

beforeAll(async () => {
  app = await startApp({ ...manyModels(), EGRESS_ALLOW: '127.0.0.0/8' });
  app.nest.get(ToolRegistry, { strict: false }).register({
    name: 'slow',
    tools: [
      {
        ...{ name: 'never', description: 'Never answers', inputSchema: { type: 'object' } },
        ...{ idempotent: true, timeoutMs: 200 },
        call: () => new Promise(() => undefined),
      },
    ],
  });
  talks = new Conversations(app);
  server = await new HookServer().start();
  server.answer = () => ({ body: { input: { words: 'changed' } } });
}, 60_000);
afterAll(async () => {
  server.stop();
  await app.close();
});

it('A call that fails is recorded with what a hook made of its input', async () => {
  const talk = await talks.start({ tools: ['slow:*'], permissionPolicy: { default: 'allow' } });
  await talk.as.post('/hooks', { event: 'tool.before', url: server.url }).expect(201);
  const { results } = await talks.ask(talk, [calling(['slow__never', { words: 'asked' }]), saying('So')]);
  expect(results).toMatchObject([{ isError: true }]);
  await talk.as.post('/mcp/execute', { serverId: 'slow', tool: 'never', arguments: { words: 'asked' } }).expect(504);
  const { data } = (await talk.as.get('/mcp/executions').expect(200)).json<{ data: ExecutionDto[] }>();
  const recorded = { isError: true, arguments: { words: 'changed' }, output: expect.stringContaining('took longer') };
  expect(data).toEqual([
    expect.objectContaining({ ...recorded, runId: null }),
    expect.objectContaining({ ...recorded, sessionId: talk.sessionId }),
  ]);
});
