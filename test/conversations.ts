import { createHash, randomUUID } from 'node:crypto';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageDto } from '../src/modules/sessions/messages/messages.dto.js';
import type { RunDto } from '../src/modules/sessions/runs/runs.dto.js';
import type { TestApp } from './app.js';
import type { Client } from './client.js';
import { Given, type Tenant } from './given.js';
import { allEvents } from './sse.js';
import { told, type Told } from './told.js';
import { saying, type Reply } from './upstream/reply.js';

/** Micro-dollars per million tokens, so chosen that a sum tells which tokens it is made of. */
export const PRICES = {
  inputMicros: 1_000_000,
  outputMicros: 1_000_000_000,
  cacheReadMicros: 100_000_000_000,
  cacheWriteMicros: 10_000_000_000_000,
};
const MODELS = 40;

export interface Talk extends Tenant {
  agentId: string;
  sessionId: string;
  model: string;
}

export interface Sent {
  message: MessageDto | null;
  run: RunDto;
}

/** The environment of an application with many models, so that no test meets a breaker that another has opened. */
export function manyModels(extra: object = {}): Record<string, string> {
  const models = Array.from({ length: MODELS }, (_, index) => ({
    name: modelName(index),
    provider: 'anthropic',
    contextWindow: 200_000,
    maxOutputTokens: 64_000,
    thinks: true,
    acceptsTemperature: false,
    prices: PRICES,
    ...extra,
  }));
  const list = JSON.stringify({ pricedAt: '2026-11-10', models });
  // One file for all who ask for the same, so that no run of the tests leaves more of them.
  const file = join(tmpdir(), `atrium-models-${createHash('sha256').update(list).digest('hex').slice(0, 16)}.json`);
  if (!existsSync(file)) {
    const draft = `${file}.${randomUUID()}`;
    writeFileSync(draft, list);
    renameSync(draft, file);
  }
  return { MODELS_FILE: file };
}

function modelName(index: number): string {
  return `claude-sonnet-5-5-${index}`;
}

/** Conversations with scripted models. */
export class Conversations {
  private models = 0;

  constructor(
    private readonly app: TestApp,
    readonly given = new Given(app),
  ) {}

  /** A model that no other test uses. */
  model(): string {
    if (this.models === MODELS) throw new Error('There are no more models');
    return modelName(this.models++);
  }

  /** A session of a new tenant, with a model of its own. */
  async start(definition: Record<string, unknown> = {}): Promise<Talk> {
    const model = this.model();
    return { ...(await this.given.session({ model, ...definition })), model };
  }

  /** Sends a message, to be answered so, and reads its run to the end; what the run says must be what is stored. */
  async ask(talk: Pick<Talk, 'as' | 'sessionId'>, replies: Reply[], body: object = {}): Promise<Told> {
    this.app.upstream.enqueue(...replies);
    const { as, sessionId } = talk;
    const message = { content: 'Hi', stream: true, ...body };
    const run = told(await allEvents(await as.fetch('POST', `/sessions/${sessionId}/messages`, message)));
    await this.check(as, run);
    return run;
  }

  /** A session in which so much was asked and answered: Q1 A1 Q2 A2 … */
  async rounds(count: number): Promise<Talk> {
    const talk = await this.start();
    for (let n = 1; n <= count; n++) await this.ask(talk, [saying(`A${n}`)], { content: `Q${n}`, metadata: { n } });
    return talk;
  }

  /** The stored run, answer and session are what the events told. */
  async check(as: Client, { run, message, events }: Told): Promise<void> {
    const stored = (await as.get(`/runs/${run.id}`).expect(200)).json();
    if (JSON.stringify(stored) !== JSON.stringify(inOrderOf(stored, run))) {
      throw new Error(`shown was ${JSON.stringify(run)}, stored ${JSON.stringify(stored)}`);
    }
    const session = (await as.get(`/sessions/${run.sessionId}`).expect(200)).json<{ status: string }>();
    if (session.status !== 'active') throw new Error(`the session is ${session.status}`);
    if (message) await as.get(`/messages/${message.id}`).expect(200);
    const replayed = await allEvents(await as.fetch('GET', `/runs/${run.id}/events`));
    if (replayed.length !== events.length)
      throw new Error(`replayed are ${replayed.length} of ${events.length} events`);
  }

  /** What the upstream was sent for a model, in order. */
  sent(model: string) {
    return this.app.upstream.requests.filter(({ body }) => body.model === model).map(({ body }) => body);
  }
}

/** `jsonb` gives names in an order of its own. */
function inOrderOf(pattern: object, value: object): object {
  return Object.fromEntries(
    Object.keys(pattern).map((key) => {
      const part = (value as Record<string, unknown>)[key];
      const like = (pattern as Record<string, unknown>)[key];
      return [key, isObject(part) && isObject(like) ? inOrderOf(like, part) : part];
    }),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
