import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { createRedis } from '../src/platform/redis/redis.js';
import { connected, disconnected, Doorman, eventsOf, liveApp, room, Runs, type LiveApp } from './live-fixtures.js';
import { eventually } from './platform-fixtures.js';

const redisUrl = process.env['TEST_REDIS_URL'] ?? null;
const onRedis = redisUrl === null ? describe.skip : describe;

onRedis('Two processes', () => {
  let [here, there]: LiveApp[] = [];
  let redis: Redis;
  const doorman = new Doorman();

  beforeAll(() => {
    redis = createRedis(redisUrl ?? '', 'worker');
  });

  /** Lost events would be found after a quiet minute only. */
  async function given() {
    const runs = new Runs();
    const options = {
      redisUrl,
      doorman,
      runs,
      limits: { quietMs: 60_000, recheckMs: 60_000, accessRecheckMs: 60_000 },
    };
    [here, there] = [await liveApp(options), await liveApp(options)];
    doorman.let('token');
    return { here, there, runs };
  }

  afterEach(async () => {
    await Promise.all([here?.close(), there?.close()]);
  });

  afterAll(async () => {
    await redis.quit();
  });

  async function follower(app: LiveApp) {
    const socket = await connected(app.client('token'));
    const events = eventsOf(socket);
    await socket.emitWithAck('session.join', { sessionId: 's1' });
    return {
      socket,
      events,
      got: (count: number) =>
        eventually(
          () => events.length,
          (length) => length === count,
        ),
    };
  }

  const subscribers = async () => Number((await redis.pubsub('NUMSUB', `atrium:live:${room}`))[1]);

  it('show each other’s events, each once', async () => {
    const apps = await given();
    const [near, far] = [await follower(apps.here), await follower(apps.there)];
    await eventually(subscribers, (count) => count === 2);
    for (let count = 0; count < 20; count++)
      (count % 2 === 0 ? apps.here : apps.there).happen('a', 'message.delta', { count });
    await Promise.all([near.got(20), far.got(20)]);
    expect(far.events).toEqual(near.events);
    expect(near.events.map((envelope) => 'seq' in envelope && envelope.seq)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
  });

  it('listen to a room only while somebody there follows it', async () => {
    const apps = await given();
    const [first, second] = [await follower(apps.there), await follower(apps.there)];
    await eventually(subscribers, (count) => count === 1);
    first.socket.disconnect();
    await second.socket.emitWithAck('who');
    apps.here.happen('a', 'run.started');
    await second.got(1);
    second.socket.disconnect();
    await eventually(subscribers, (count) => count === 0);
  });

  it('hear each other a little later where one alone has something to say, and are told of the gap', async () => {
    const apps = await given();
    const [fed, told] = [[] as unknown[], { gaps: 0 }];
    const leave = apps.here.live.subscribe(
      room,
      (envelopes) => fed.push(...envelopes),
      () => told.gaps++,
      true,
    );
    expect(await subscribers()).toBe(0);
    apps.here.happen('a', 'run.started');
    expect(fed).toHaveLength(1);
    await eventually(subscribers, (count) => count === 1);
    await eventually(
      () => told.gaps,
      (gaps) => gaps === 1,
    );
    apps.there.happen('a', 'message.delta');
    await eventually(
      () => fed.length,
      (length) => length === 2,
    );
    leave();
    await eventually(subscribers, (count) => count === 0);
  });

  it('hear each other at once where somebody else reads too', async () => {
    const apps = await given();
    const leave = apps.here.live.subscribe(
      room,
      () => undefined,
      () => undefined,
      true,
    );
    const near = await follower(apps.here);
    await eventually(subscribers, (count) => count === 1);
    apps.there.happen('a', 'run.started');
    await near.got(1);
    leave();
  });

  it('miss nothing of what happened while Redis was away', async () => {
    const apps = await given();
    const far = await follower(apps.there);
    await eventually(subscribers, (count) => count === 1);
    await redis.client('KILL', 'TYPE', 'pubsub');
    apps.here.happen('a', 'run.started');
    apps.here.happen('a', 'message.delta');
    await far.got(2);
    apps.here.happen('a', 'message.delta');
    await far.got(3);
  });

  it('ask the rows in all of them who may still see a session', async () => {
    const apps = await given();
    const far = await follower(apps.there);
    await eventually(subscribers, (count) => count === 1);
    apps.runs.store('unheard', 'run.started');
    apps.here.live.recheck(room);
    await far.got(1);
  });

  it('end access together', async () => {
    const apps = await given();
    const far = await follower(apps.there);
    const gone = disconnected(far.socket);
    await eventually(
      async () => Number((await redis.pubsub('NUMSUB', 'atrium:signal'))[1]),
      (count) => count === 2,
    );
    apps.here.live.signal('access.revoked', { tenantId: 't1', userId: 'u1' });
    expect(await gone).toBe('io server disconnect');
    expect(far.events).toMatchObject([{ type: 'access.revoked' }]);
  });
});
