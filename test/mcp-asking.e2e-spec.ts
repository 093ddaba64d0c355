import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Given } from './given.js';
import { FakeMcp } from './mcp/fake-mcp.js';

let app: TestApp;
const far = new FakeMcp();

beforeAll(async () => {
  app = await startApp({ EGRESS_ALLOW: '127.0.0.0/8' });
  far.tools = ['ask', 'echo'].map((name) => ({ name, description: name, inputSchema: { type: 'object' } }));
  await far.start();
}, 60_000);
afterAll(async () => {
  await app.close();
  await far.stop();
});

async function plugged() {
  const { as } = await new Given(app).tenant();
  const body = { name: 'far', transport: 'http', url: far.url, timeoutMs: 20_000 };
  const { id: serverId } = (await as.post('/mcp/servers', body).expect(201)).json<{ id: string }>();
  await as.get(`/mcp/servers/${serverId}/discover`).expect(200);
  return (tool: string, input: object = {}) => as.post('/mcp/execute', { serverId, tool, arguments: input });
}

describe('A server that asks us, and takes no answer', () => {
  it('is left when it asks on and on, and holds nothing open', async () => {
    const call = await plugged();
    const before = far.openSockets;
    const asked = await call('ask', { times: 1_500 });
    expect(asked.text).toContain('asked more at a time than is answered');
    for (let n = 0; n < 100 && far.openSockets > before; n++) await sleep(50);
    expect(far.openSockets).toBeLessThanOrEqual(before);
    expect(far.answers).toBeLessThanOrEqual(16);
    expect((await call('echo', {})).text).toContain('echo: {}');
  });
});
