import { request, type IncomingMessage } from 'node:http';
import { connect, type Socket as TcpSocket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { RunEnvelope } from '../src/contracts/live-events.js';
import { connected, eventsOf, liveApp, Runs, type LiveApp } from './live-fixtures.js';
import { eventually } from './platform-fixtures.js';

let open: LiveApp[] = [];

async function given(options: Parameters<typeof liveApp>[0] = {}): Promise<LiveApp> {
  const app = await liveApp(options);
  app.doorman.let('token');
  open.push(app);
  return app;
}

afterEach(async () => {
  await Promise.all(open.map((app) => app.close()));
  open = [];
});

/** The response as soon as its headers are there; its text is collected. */
async function get(app: LiveApp, path: string, headers: Record<string, string> = {}) {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(`${app.url}${path}`, { headers: { authorization: 'Bearer token', ...headers } }, resolve)
      .on('error', reject)
      .end();
  });
  const stream = { response, text: '', hasEnded: false };
  response.setEncoding('utf8').on('data', (chunk: string) => (stream.text += chunk));
  response.on('end', () => (stream.hasEnded = true)).on('error', () => undefined);
  return stream;
}

const ids = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('A run as server-sent events', () => {
  it('has the promised headers, replays, goes on live and ends with the run', async () => {
    const app = await given();
    app.happen('a', 'run.started');
    const stream = await get(app, '/runs/a/events');
    expect(stream.response.statusCode).toBe(200);
    expect(stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    app.happen('b', 'run.started');
    app.happen('a', 'message.delta', { text: 'a\n\nb' });
    const last = app.happen('a', 'run.completed');
    await eventually(
      () => stream.hasEnded,
      (ended) => ended,
    );
    expect(ids(stream.text)).toEqual([1, 2, 3]);
    expect(stream.text.endsWith(`id: 3\nevent: run.completed\ndata: ${JSON.stringify(last)}\n\n`)).toBe(true);
  });

  it('goes on after Last-Event-ID, which has to be a number', async () => {
    const app = await given();
    for (const type of ['run.started', 'message.delta', 'run.completed'] as const) app.happen('a', type);
    const stream = await get(app, '/runs/a/events', { 'last-event-id': '1' });
    await eventually(
      () => stream.hasEnded,
      (ended) => ended,
    );
    expect(ids(stream.text)).toEqual([2, 3]);
    const refused = await get(app, '/runs/a/events', { 'last-event-id': 'x' });
    expect(refused.response.headers['content-type']).toContain('application/json');
  });

  it('is kept open by comments', async () => {
    const app = await given({ limits: { pingMs: 10 } });
    app.happen('a', 'run.started');
    const stream = await get(app, '/runs/a/events');
    await eventually(
      () => stream.text,
      (text) => text.endsWith(': ping\n\n: ping\n\n'),
    );
    stream.response.destroy();
  });

  it('ends when access is revoked and when the server stops', async () => {
    const app = await given();
    app.doorman.let('other', { userId: 'u2' });
    app.happen('a', 'run.started');
    const streams = [
      await get(app, '/runs/a/events'),
      await get(app, '/runs/a/events', { authorization: 'Bearer other' }),
    ];
    app.live.signal('access.revoked', { tenantId: 't1', userId: 'u1' });
    await eventually(
      () => streams.map(({ hasEnded }) => hasEnded),
      ([revoked]) => revoked === true,
    );
    expect(streams[1]!.hasEnded).toBe(false);
    await app.app.close();
    open = [];
    await eventually(
      () => streams.map(({ hasEnded }) => hasEnded),
      ([, other]) => other === true,
    );
  });
});

describe('Whose credential no longer counts, though no signal said so', () => {
  const OFTEN = { limits: { accessRecheckMs: 20 } };

  it('is cut off, also after a change of role', async () => {
    const app = await given(OFTEN);
    app.doorman.let('other', { userId: 'u2' });
    app.happen('a', 'run.started');
    const streams = [
      await get(app, '/runs/a/events'),
      await get(app, '/runs/a/events', { authorization: 'Bearer other' }),
    ];
    app.doorman.known.delete('token');
    app.doorman.let('other', { userId: 'u2', role: 'viewer' });
    await eventually(
      () => streams.map(({ hasEnded }) => hasEnded),
      (ended) => ended.every(Boolean),
    );
    expect(streams.map(({ text }) => ids(text))).toEqual([[1], [1]]);
  });

  it('reads on when it has but expired', async () => {
    const app = await given(OFTEN);
    const expiresAt = new Date(Date.now() + 200);
    let asked = 0;
    app.doorman.authenticate = async (credential, { evenExpired = false } = {}) => {
      asked++;
      return evenExpired || expiresAt > new Date() ? (app.doorman.known.get(credential) ?? null) : null;
    };
    app.doorman.let('token', { expiresAt });
    app.happen('a', 'run.started');
    const stream = await get(app, '/runs/a/events');
    await eventually(
      () => asked,
      (times) => times > 0,
    );
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(stream.hasEnded).toBe(false);
    app.happen('a', 'run.completed');
    await eventually(
      () => stream.hasEnded,
      (ended) => ended,
    );
    expect(ids(stream.text)).toEqual([1, 2]);
  });
});

const KILOBYTES = 'x'.repeat(20_000);
const EVENTS = 3_000;

/** As many events as asked for, made when they are read. */
class LongRun extends Runs {
  length = 1;

  event(seq: number): RunEnvelope {
    const type = seq === EVENTS ? 'run.completed' : 'message.delta';
    return { seq, type, sessionId: 's1', runId: 'a', at: '2026-01-01T00:00:00.000Z', data: { text: KILOBYTES } };
  }

  override source() {
    return {
      runs: async () => [{ runId: 'a', lastSeq: this.length, ended: this.length === EVENTS }],
      read: async (_runId: string, after: number, limit: number) =>
        upTo(Math.min(limit, this.length - after)).map((index) => this.event(after + index)),
    };
  }
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function usedBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** A client below HTTP, that reads what it wants. */
async function rawClient(app: LiveApp, text: string): Promise<TcpSocket> {
  const socket = connect(app.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(text);
  return socket;
}

function connections(app: LiveApp): Promise<number> {
  return new Promise((resolve, reject) => {
    app.app.getHttpServer().getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

const get11 = 'GET /runs/a/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer token\r\n\r\n';
const upgrade = [
  'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1',
  'host: x',
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
  '\r\n',
].join('\r\n');

/** A masked text frame (RFC 6455) with a mask of zeros. */
function frame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

/** A WebSocket that has joined the session and reads nothing from then on. */
async function deafSocket(app: LiveApp): Promise<TcpSocket> {
  const socket = await rawClient(app, upgrade);
  let heard = '';
  const onData = (chunk: Buffer) => (heard += chunk.toString('latin1'));
  socket.on('data', onData).resume();
  const hears = (words: string) =>
    eventually(
      () => heard,
      (text) => text.includes(words),
    );
  await hears('0{"sid"');
  socket.write(frame('40{"token":"token"}'));
  await hears('40{"sid"');
  socket.write(frame('421["session.join",{"sessionId":"s1"}]'));
  await hears('"ok":true');
  socket.off('data', onData).pause();
  return socket;
}

/** Tells the whole run, and waits until a client that listens has heard it. */
async function tell(app: LiveApp, runs: LongRun): Promise<boolean> {
  const good = await connected(app.client('token'));
  await good.emitWithAck('session.join', { sessionId: 's1' });
  let [last, inOrder] = [1, true];
  good.on('event', ({ seq }: RunEnvelope) => {
    inOrder &&= seq === last + 1;
    last = seq;
  });
  for (let seq = 2; seq <= EVENTS; seq++) {
    runs.length = seq;
    app.live.emit('session:t1:s1', [runs.event(seq)]);
    if (seq % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually(
    () => last,
    (seq) => seq === EVENTS,
  );
  good.disconnect();
  return inOrder;
}

describe.each([
  ['stream', (app: LiveApp) => rawClient(app, get11)],
  ['socket', deafSocket],
])('A %s that is not read', (_what, openDeaf) => {
  it('costs little memory and holds up no other', async () => {
    const runs = new LongRun();
    const app = await given({ runs });
    const deaf = await openDeaf(app);
    const before = usedBytes();
    expect(await tell(app, runs)).toBe(true);
    // 60 MB were sent. What may be there is 1 MiB that waits and a page of 200 rows.
    await eventually(
      () => usedBytes() - before,
      (bytes) => bytes < 12_000_000,
    );
    await eventually(
      () => connections(app),
      (count) => count === 1,
    );
    deaf.destroy();
  });

  it('is cut off', async () => {
    const runs = new LongRun();
    const app = await given({ runs, limits: { stuckMs: 1_500, tickMs: 20 } });
    const deaf = await openDeaf(app);
    await tell(app, runs);
    await eventually(
      () => connections(app),
      (count) => count === 0,
    );
    deaf.destroy();
  });
});

describe('A slow client', () => {
  it('gets every event once and in order', async () => {
    const runs = new LongRun();
    runs.length = EVENTS;
    const app = await given({ runs });
    const stream = await rawClient(app, get11);
    let text = '';
    const seen: number[] = [];
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const end = text.lastIndexOf('\n\n');
      seen.push(...ids(text.slice(0, end)));
      text = text.slice(end);
      stream.pause();
      setImmediate(() => stream.resume());
    });
    stream.resume();
    await eventually(
      () => seen.length,
      (count) => count === EVENTS,
    );
    expect(seen).toEqual(upTo(EVENTS));
    stream.destroy();
  });
});

describe('Many sockets', () => {
  it('follow one session', async () => {
    const app = await given({ sockets: { perAddress: 1_000 } });
    const sockets = await Promise.all(upTo(200).map(() => connected(app.client('token'))));
    const received = sockets.map(eventsOf);
    await Promise.all(sockets.map((socket) => socket.emitWithAck('session.join', { sessionId: 's1' })));
    for (let count = 0; count < 50; count++) app.happen('a', 'message.delta');
    await eventually(
      () => received.every((events) => events.length === 50),
      (all) => all,
    );
  });
});
