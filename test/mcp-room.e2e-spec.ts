import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Given } from './given.js';
import { FakeMcp } from './mcp/fake-mcp.js';

/** Of one tenant in one process. */
const MOST_CONNECTIONS = 50;

let app: TestApp;
const far = new FakeMcp();
const busy = new FakeMcp();

beforeAll(async () => {
  app = await startApp({ EGRESS_ALLOW: '127.0.0.0/8' });
  await far.start();
  await busy.start();
}, 60_000);
afterAll(async () => {
  await app.close();
  await far.stop();
  await busy.stop();
});

describe('A server for which there is no room', () => {
  it('is not held to fail', async () => {
    const { as } = await new Given(app).tenant();
    const plug = async (name: string, url: string) => {
      const made = await as.post('/mcp/servers', { name, transport: 'http', url, timeoutMs: 600_000 }).expect(201);
      return `/mcp/servers/${made.json<{ id: string }>().id}`;
    };
    busy.listsNothing = true;
    const paths = await Promise.all(Array.from({ length: MOST_CONNECTIONS }, (_, n) => plug(`busy-${n}`, busy.url)));
    const asking = paths.map(async (path) => (await as.get(`${path}/discover`)).status);
    for (let n = 0; n < 600 && busy.count('tools/list') < MOST_CONNECTIONS; n++) await sleep(50);
    expect(busy.count('tools/list')).toBe(MOST_CONNECTIONS);
    const path = await plug('far', far.url);
    for (let n = 0; n < 8; n++)
      expect((await as.get(`${path}/discover`).expect(503)).text).toContain('too many others are in use');
    expect((await as.get(`${path}/health`).expect(200)).json()).toMatchObject({ circuitBreaker: 'closed' });
    await busy.stop();
    await Promise.all(asking);
    await as.get(`${path}/discover`).expect(200);
    expect((await as.get(`${path}/health`).expect(200)).json()).toMatchObject({ status: 'healthy' });
  }, 60_000);
});
