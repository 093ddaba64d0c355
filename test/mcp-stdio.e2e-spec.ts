import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readStdioRegistry } from '../src/modules/mcp/stdio/stdio-registry.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { EVERYTHING, FILESYSTEM, MEMORY } from './mcp/real-servers.js';
import { startServer } from './server.js';
import { saying, type Reply } from './upstream/reply.js';

const folder = mkdtempSync(join(tmpdir(), 'atrium-mcp-'));
const SCRIPT = join(import.meta.dirname, 'mcp', 'stdio-server.mjs');
const command = process.execPath;
const odd = { command, args: [SCRIPT], memoryMb: 300 };
const COMMANDS = {
  odd,
  own: { ...odd, args: [SCRIPT, '{cwd}', { slot: 'word', pattern: '.*' }], env: { GREETING: 'from {cwd}' } },
  brief: { ...odd, idleMs: 200 },
  greets: { ...odd, args: [SCRIPT, 'greets'] },
  complains: { ...odd, args: [SCRIPT, 'complains'] },
  everything: { command, args: [EVERYTHING, 'stdio'], timeoutMs: 20_000 },
  files: { command, args: [FILESYSTEM, '{cwd}'] },
  memory: { command, args: [MEMORY], env: { MEMORY_FILE_PATH: '{cwd}/memory.json' } },
};

let app: TestApp;
let talks: Conversations;

beforeAll(async () => {
  const registry = join(folder, 'commands.json');
  writeFileSync(registry, JSON.stringify(COMMANDS));
  process.env['ATRIUM_TEST_SECRET'] = 'not for servers';
  app = await startApp({ ...manyModels(), MCP_STDIO_REGISTRY: registry });
  talks = new Conversations(app);
}, 60_000);
afterAll(async () => {
  delete process.env['ATRIUM_TEST_SECRET'];
  await app.close();
});

type Call = [tool: string, input?: Record<string, unknown>];

/** A conversation with an agent that has all tools of a server of this command. */
async function talkWith(name: keyof typeof COMMANDS, more: object = {}): Promise<Talk & { serverId: string }> {
  const permissionPolicy = { default: 'allow' };
  const talk = await talks.start({ tools: [`${name}:*`], permissionPolicy });
  const body = { name, transport: 'stdio', command: name, ...more };
  const made = await talk.as.post('/mcp/servers', body).expect(201);
  return { ...talk, serverId: made.json<{ id: string }>().id };
}

/** Has the model call a tool of the agent's server, and gives what came of it. */
async function call(talk: Talk, server: string, [tool, input = {}]: Call) {
  const turn: Reply = { steps: [{ toolUse: { name: `${server}__${tool}`, input } }] };
  const { results, run } = await talks.ask(talk, [turn, saying('So')]);
  expect(run.status).toBe('completed');
  const [result] = results;
  return { isError: result?.isError, output: String(result?.output) };
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
};
async function gone(pid: number): Promise<boolean> {
  for (let n = 0; n < 200 && isAlive(pid); n++) await sleep(50);
  return !isAlive(pid);
}
const pidOf = async (talk: Talk, server: string): Promise<number> => Number((await call(talk, server, ['pid'])).output);

describe('A server of a command', () => {
  it('is not started by being made, read, listed or changed', async () => {
    const talk = await talkWith('odd');
    await talk.as.patch(`/mcp/servers/${talk.serverId}`, { timeoutMs: 5000 }).expect(200);
    await talk.as.get(`/mcp/servers/${talk.serverId}/tools`).expect(200);
    await talk.as.get('/mcp/servers').expect(200);
    const workFolder = join(app.store.environment['DATA_DIR'] ?? '', 'mcp', talk.tenantId);
    expect(existsSync(workFolder)).toBe(false);
    await talk.as.get(`/mcp/servers/${talk.serverId}/discover`).expect(200);
    expect(existsSync(workFolder)).toBe(true);
    await talk.as.delete(`/mcp/servers/${talk.serverId}`).expect(204);
    expect(existsSync(join(workFolder, talk.serverId))).toBe(false);
  });

  it('sees nothing of our environment, works in its own folder, and gets arguments as they are', async () => {
    const talk = await talkWith('own', { args: ['$(id); `id` "{cwd}" && *'] });
    const cwd = join(app.store.environment['DATA_DIR'] ?? '', 'mcp', talk.tenantId, talk.serverId);
    expect((await call(talk, 'own', ['folder'])).output).toBe(cwd);
    expect(JSON.parse((await call(talk, 'own', ['arguments'])).output)).toEqual([cwd, '$(id); `id` "{cwd}" && *']);
    const environment = JSON.parse((await call(talk, 'own', ['environment'])).output) as Record<string, string>;
    expect(Object.keys(environment).sort()).toEqual(['GREETING', 'HOME', 'LANG', 'NODE_OPTIONS']);
    expect(environment).toMatchObject({ GREETING: `from ${cwd}`, HOME: cwd });
  });

  it('may greet before it speaks the protocol', async () => {
    const talk = await talkWith('greets');
    expect((await call(talk, 'greets', ['pid'])).isError).toBe(false);
  });

  it.each<[string, string, RegExp]>([
    ['floods', 'flood', /said more than is read/],
    ['floods in lines', 'lines', /said more than is read/],
    ['asks without end', 'asks', /asked more at a time/],
    ['sends no JSON', 'garbage', /no valid MCP/],
    ['sends no JSON-RPC', 'nonsense', /no valid MCP/],
    ['dies', 'die', /ended in the middle/],
    ['takes too much memory', 'fat', /memory/],
  ])(
    'that %s is ended, and is there anew for the next call',
    async (_what, tool, message) => {
      const talk = await talkWith('odd');
      const pid = await pidOf(talk, 'odd');
      const before = process.memoryUsage().rss;
      const { isError, output } = await call(talk, 'odd', [tool]);
      expect(output).toMatch(message);
      expect(isError).toBe(true);
      expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
      expect(await gone(pid)).toBe(true);
      const next = await pidOf(talk, 'odd');
      expect(next).toBeGreaterThan(0);
      expect(next).not.toBe(pid);
    },
    30_000,
  );

  it('that hangs is left at its time-out, and asked again', async () => {
    const talk = await talkWith('odd', { timeoutMs: 400 });
    expect((await call(talk, 'odd', ['hang'])).output).toMatch(/400 ms/);
    expect((await call(talk, 'odd', ['pid'])).isError).toBe(false);
  });

  it('killed from outside is there for the next call', async () => {
    const talk = await talkWith('odd');
    const pid = await pidOf(talk, 'odd');
    process.kill(pid, 'SIGKILL');
    expect(await gone(pid)).toBe(true);
    expect(await pidOf(talk, 'odd')).not.toBe(pid);
  });

  it('is ended with all it has started when it is idle', async () => {
    const talk = await talkWith('brief');
    const child = Number((await call(talk, 'brief', ['child'])).output);
    expect(await gone(child)).toBe(true);
  });

  it('is ended when its row changes or goes, also if it does not want to', async () => {
    const talk = await talkWith('odd');
    const pid = Number((await call(talk, 'odd', ['deaf'])).output);
    await talk.as.patch(`/mcp/servers/${talk.serverId}`, { timeoutMs: 9000 }).expect(200);
    expect(await gone(pid)).toBe(true);
    const next = await pidOf(talk, 'odd');
    await talk.as.patch(`/mcp/servers/${talk.serverId}`, { enabled: false }).expect(200);
    expect(await gone(next)).toBe(true);
    await talk.as.get(`/mcp/servers/${talk.serverId}/discover`).expect(409);
    expect((await talk.as.get(`/mcp/servers/${talk.serverId}/health`).expect(200)).json()).toMatchObject({
      status: 'down',
    });
  });

  it('that does not start is down, and the run goes on without it', async () => {
    const talk = await talkWith('complains');
    await talk.as.get(`/mcp/servers/${talk.serverId}/discover`).expect(502);
    const health = (await talk.as.get(`/mcp/servers/${talk.serverId}/health`).expect(200)).json();
    expect(health).toMatchObject({ status: 'down', latencyMs: null });
    expect((await talks.ask(talk, [saying('Without')])).run.status).toBe('completed');
  });

  it("of one tenant is not another's, whatever they have in common", async () => {
    const [one, other] = [await talkWith('odd'), await talkWith('odd')];
    expect(await pidOf(one, 'odd')).not.toBe(await pidOf(other, 'odd'));
  });
});

describe('The end of the process', () => {
  it('is that of all servers it has started, also of those that do not want to', async () => {
    const other = await startApp({ ...manyModels(), MCP_STDIO_REGISTRY: join(folder, 'commands.json') });
    const { as } = await new Conversations(other).start();
    const body = { name: 'odd', transport: 'stdio', command: 'odd' };
    const { id: serverId } = (await as.post('/mcp/servers', body).expect(201)).json<{ id: string }>();
    const said = async (tool: string) => {
      const answer = await as.post('/mcp/execute', { serverId, tool, arguments: {} }).expect(200);
      return Number(answer.json<{ content: { text: string }[] }>().content[0]?.text);
    };
    const pids = [await said('deaf'), await said('child')];
    await other.close();
    for (const pid of pids) expect(await gone(pid)).toBe(true);
  });
});

describe('Servers of others', () => {
  it('everything: tools, progress, resources and prompts', async () => {
    const talk = await talkWith('everything');
    const path = `/mcp/servers/${talk.serverId}`;
    const found = (await talk.as.get(`${path}/discover`).expect(200)).json<Record<string, { name: string }[]>>();
    expect(found['tools']?.map(({ name }) => name)).toEqual(expect.arrayContaining(['echo', 'get-sum']));
    expect(found).toMatchObject({
      serverInfo: { name: expect.stringContaining('everything') },
      protocolVersion: '2025-11-25',
    });
    expect(found['resources']?.length).toBeGreaterThan(0);
    expect(found['prompts']?.length).toBeGreaterThan(0);
    expect((await call(talk, 'everything', ['get-sum', { a: 2, b: 3 }])).output).toContain('5');
    const long = ['trigger-long-running-operation', { duration: 0.4, steps: 4 }] satisfies Call;
    const turn: Reply = { steps: [{ toolUse: { name: `everything__${long[0]}`, input: long[1] } }] };
    const { events } = await talks.ask(talk, [turn, saying('So')]);
    expect(events.some(({ type }) => type === 'tool.progress')).toBe(true);
    const [resource] = found['resources'] as unknown as { uri: string }[];
    const read = await talk.as.post(`${path}/resources/read`, { uri: resource?.uri }).expect(200);
    expect(read.json<{ contents: unknown[] }>().contents).toHaveLength(1);
    await talk.as.post(`${path}/resources/read`, { uri: 'demo://nothing/here' }).expect(422);
    const prompt = await talk.as.post(`${path}/prompts/get`, { name: 'simple-prompt' }).expect(200);
    expect(prompt.json<{ messages: unknown[] }>().messages.length).toBeGreaterThan(0);
    await talk.as.post(`${path}/prompts/get`, { name: 'no-such-prompt' }).expect(422);
    expect((await talk.as.get(`${path}/health`).expect(200)).json()).toMatchObject({
      circuitBreaker: 'closed',
      error: null,
    });
    const cached = (await talk.as.get(`${path}/tools`).expect(200)).json<{ data: { name: string }[] }>();
    expect(cached.data.map(({ name }) => name)).toEqual(found['tools']?.map(({ name }) => name));
  }, 30_000);

  it('filesystem: what one call writes the next one reads', async () => {
    const talk = await talkWith('files');
    const cwd = join(app.store.environment['DATA_DIR'] ?? '', 'mcp', talk.tenantId, talk.serverId);
    await call(talk, 'files', ['write_file', { path: join(cwd, 'a.txt'), content: 'Hello there' }]);
    expect((await call(talk, 'files', ['read_text_file', { path: join(cwd, 'a.txt') }])).output).toContain(
      'Hello there',
    );
    const outside = await call(talk, 'files', ['read_text_file', { path: '/etc/hostname' }]);
    expect(outside.isError).toBe(true);
  }, 30_000);

  it('memory: what was said stays', async () => {
    const talk = await talkWith('memory');
    const entities = [{ name: 'Ada', entityType: 'person', observations: ['likes engines'] }];
    await call(talk, 'memory', ['create_entities', { entities }]);
    expect((await call(talk, 'memory', ['search_nodes', { query: 'engines' }])).output).toContain('Ada');
  }, 30_000);
});

describe('The registry', () => {
  it('that is wrong ends the start with a line that names its variable', async () => {
    const file = join(folder, 'wrong.json');
    writeFileSync(file, '{"a": {"command": "no-such-program"}}');
    await expect(startServer({ MCP_STDIO_REGISTRY: file }, app.store)).rejects.toThrow(
      /MCP_STDIO_REGISTRY .*wrong\.json.* a: command no-such-program/,
    );
  });

  const faultOf = (content: unknown): string => {
    const file = join(folder, 'bad.json');
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    try {
      readStdioRegistry(file);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };

  it.each<[unknown, RegExp]>([
    ['{', /no JSON/],
    [[], /object of commands/],
    [{ a: 'node' }, /a: must be an object/],
    [{ 'a b': { command } }, /a name has/],
    [{ a: {} }, /a: command/],
    [{ a: { command: 'no-such-program' } }, /no program/],
    [{ a: { command: '/etc/passwd' } }, /no program/],
    [{ a: { command, args: 'x' } }, /args must be a list/],
    [{ a: { command, args: [{ slot: 'x' }] } }, /"slot", "pattern"/],
    [{ a: { command, args: [{ slot: 'x', pattern: '(' }] } }, /regular expression/],
    [{ a: { command, env: { A: 1 } } }, /env/],
    [{ a: { command, cwd: '/no/such/folder' } }, /cwd/],
    [{ a: { command, memoryMb: 'much' } }, /memoryMb/],
    [{ a: { command, shell: true } }, /shell is not known/],
  ])('says what is wrong with %j', (content, message) => {
    expect(faultOf(content)).toMatch(message);
  });
});
