import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { RUN_ENDS, type RunEnvelope } from '../src/contracts/live-events.js';
import { EmbeddedPostgres } from '../src/platform/database/embedded/embedded-postgres.js';
import { Client } from './client.js';
import { Given, type Member } from './given.js';
import { startServer, type Server } from './server.js';
import { eventsOf } from './sse.js';
import { createTestStore, type TestStore } from './test-store.js';
import { told, type Told } from './told.js';
import { blocksOf, lastUserText, type Message, type MessagesRequest } from './upstream/messages-api.js';
import { FakeAnthropic } from './upstream/fake-anthropic.js';
import { failing, type Reply } from './upstream/reply.js';

const FOLLOW_LIMIT_MS = 60_000;
/** As the one role that may see the runs of all tenants. */
const LEASES_OVER = `
  BEGIN; SET LOCAL ROLE atrium_system; UPDATE runs SET lease_until = now() WHERE status = 'running'; COMMIT`;

/**
 * The application in real processes: on the embedded store one that does everything, on Postgres and Redis one `api` and
 * as many `worker`s as are started. Models answer by what the user said last.
 */
export class Processes {
  readonly upstream = new FakeAnthropic();
  private readonly script = new Map<string, (request: MessagesRequest) => Reply | undefined>();
  private front: Server | null = null;
  private workers: Server[] = [];

  private constructor(private readonly store: TestStore) {
    this.upstream.respond = (request) => this.reply(request);
  }

  /** With one process that works. `sql` is run before any process starts, by the owner of the tables. */
  static async start(options: { store?: TestStore; sql?: string } = {}): Promise<Processes> {
    const processes = new Processes(options.store ?? (await createTestStore()));
    await processes.upstream.start();
    if (options.sql) await processes.run(options.sql, 'MIGRATION_DATABASE_URL');
    if (processes.isSplit) processes.front = await processes.launch({ ROLE: 'api' });
    await processes.addWorker();
    return processes;
  }

  get isSplit(): boolean {
    return this.store.environment['REDIS_URL'] !== undefined;
  }

  /** Nobody listens there while nothing is running. */
  get url(): string {
    return (this.front ?? this.workers[0])?.url ?? 'http://127.0.0.1:9';
  }

  async addWorker(): Promise<void> {
    this.workers.push(await this.launch(this.isSplit ? { ROLE: 'worker' } : {}));
  }

  /** The worker that was started first. */
  async endWorker(how: 'kill' | 'stop'): Promise<void> {
    await this.workers.shift()?.[how]();
  }

  /**
   * Another takes the place of the oldest worker, which is there until then where several can be. With `isLeaseOver`
   * nobody has to wait until the lease of a killed one has run out.
   */
  async replaceWorker(how: 'kill' | 'stop', isLeaseOver = false): Promise<void> {
    if (this.isSplit) await this.addWorker();
    await this.endWorker(how);
    if (isLeaseOver) await this.run(LEASES_OVER, 'DATABASE_URL');
    if (!this.isSplit) await this.addWorker();
  }

  async replaceFront(): Promise<void> {
    if (!this.front) return;
    await this.front.stop();
    this.front = await this.launch({ ROLE: 'api' });
  }

  /** What the model answers to a user who says this, call by call; what is asked for beyond that is refused. */
  answers(words: string, ...replies: Reply[]): void {
    this.script.set(words, () => replies.shift());
  }

  /** A round of tools first and then the answer, however often either is asked for. */
  alwaysAnswers(words: string, round: Reply, answer: Reply): void {
    this.script.set(words, ({ messages }) => (hasResults(messages.at(-1)) ? answer : round));
  }

  /** How often the model was asked after a user said this. */
  asked(words: string): number {
    return this.upstream.requests.filter(({ body }) => lastUserText(body) === words).length;
  }

  async owner(): Promise<Member> {
    return (await new Given({ url: this.url }).tenant()).owner;
  }

  as({ accessToken }: Member): Client {
    return new Client(this.url, accessToken);
  }

  /** Reads a run to its end, over as many connections as it takes. */
  async follow(member: Member, runId: string): Promise<Told> {
    const events: RunEnvelope[] = [];
    const end = Date.now() + FOLLOW_LIMIT_MS;
    while (!RUN_ENDS.has(events.at(-1)?.type ?? '')) {
      if (Date.now() > end) throw new Error(`The run does not end: ${events.map(({ type }) => type).join(', ')}`);
      try {
        const after = { 'last-event-id': String(events.length) };
        const response = await this.as(member).fetch('GET', `/runs/${runId}/events`, undefined, after);
        if (response.status >= 500 && response.status !== 503) throw new Error(`answered ${response.status}`);
        for await (const event of eventsOf(response)) events.push(event);
      } catch (error) {
        if (error instanceof Error && error.message.startsWith('answered')) throw error;
        await sleep(100);
      }
    }
    return told(events);
  }

  async close(): Promise<void> {
    for (const server of [...this.workers, this.front]) await server?.kill();
    await this.upstream.stop();
    await this.store.drop();
  }

  private launch(environment: Record<string, string>): Promise<Server> {
    const { upstream } = this;
    const store = { ...this.store, drop: () => Promise.resolve() };
    const outside = { ANTHROPIC_API_KEY: 'test-key', ANTHROPIC_BASE_URL: upstream.url, EGRESS_ALLOW: '127.0.0.0/8' };
    return startServer({ ...outside, ...environment }, store);
  }

  private reply(request: MessagesRequest): Reply {
    return this.script.get(lastUserText(request))?.(request) ?? failing(400, {}, 'not in the script');
  }

  private async run(sql: string, as: 'DATABASE_URL' | 'MIGRATION_DATABASE_URL'): Promise<void> {
    const { [as]: url, DATA_DIR: folder = '' } = this.store.environment;
    const embedded = url === undefined ? await EmbeddedPostgres.start(folder) : null;
    const client = new pg.Client(embedded?.connection ?? { connectionString: url });
    try {
      await client.connect();
      await client.query(sql);
    } finally {
      await client.end();
      await embedded?.stop();
    }
  }
}

function hasResults(message: Message | undefined): boolean {
  return message !== undefined && blocksOf(message).some(({ type }) => type === 'tool_result');
}
