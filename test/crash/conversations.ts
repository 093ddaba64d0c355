import { setTimeout as sleep } from 'node:timers/promises';
import { RUN_ENDS, type RunEnvelope } from '../../src/contracts/live-events.js';
import { TestSocket } from '../sockets.js';
import { eventsOf } from '../sse.js';
import type { Door } from './door.js';
import type { Random } from './random.js';
import { wordsOf } from './upstream.js';

/**
 * How a client sends its message: it tries again with the same `Idempotency-Key` until it is answered, or looks, without a
 * key, whether the message is there before it says it again.
 */
const WAYS = ['background', 'wait', 'stream', 'looking'] as const;

export interface Sent {
  words: string;
  rounds: number;
  sessionId: string;
  /** Known since the message was acknowledged. */
  runId: string | null;
  /** What readers were shown, one list for each reader; those who come back say what they know, and go on. */
  readings: RunEnvelope[][];
  /** How far a cancellation got; `granted` was answered with 200, and by a run that had not completed. */
  cancel: 'none' | 'asked' | 'granted';
}

interface Said {
  content: string;
  runId: string;
}

const MESSAGES_PER_SESSION = 4;
const CANCELLED = 0.08;

/** One client after the other has a conversation, each message when the run of the one before has ended. */
export class Conversation {
  readonly sent: Sent[] = [];
  readonly sessions: { id: string; title: string }[] = [];
  /** What it is at. */
  state = 'not begun';
  private isOver = false;

  constructor(
    private readonly name: string,
    private readonly door: Door,
    private readonly random: Random,
    private readonly session: object,
  ) {}

  /** Until it is told to finish; then the message under way is read to its end. */
  async go(): Promise<void> {
    for (let message = 0; !this.isOver; message++) {
      if (message % MESSAGES_PER_SESSION === 0) await this.begin();
      const session = this.sessions.at(-1);
      if (!session) return;
      const rounds = this.random.between(0, 3);
      await this.say(session.id, wordsOf(`${session.title}.${message}`, rounds), rounds);
    }
    this.state = 'over';
  }

  finish(): void {
    this.isOver = true;
  }

  private async begin(): Promise<void> {
    const title = `${this.name}.${this.sessions.length}`;
    this.state = `at the creation of ${title}`;
    const answer = await this.door.ask('POST', '/sessions', { ...this.session, title }, title);
    if (answer.status === 201) this.sessions.push({ id: answer.json<{ id: string }>().id, title });
  }

  private async say(sessionId: string, words: string, rounds: number): Promise<void> {
    const sent: Sent = { words, rounds, sessionId, runId: null, readings: [], cancel: 'none' };
    this.sent.push(sent);
    const way = this.random.pick(WAYS);
    this.state = `sending ${words} (${way})`;
    if (way === 'stream') sent.runId = await this.sendStreaming(sent);
    else sent.runId = way === 'looking' ? await this.sendLooking(sent) : await this.send(sent, way);
    if (sent.runId === null) return;
    const cancelling = this.random.chance(CANCELLED) ? this.cancel(sent, sent.runId) : null;
    const how = this.random.chance(0.5) ? 'readBySse' : 'readBySocket';
    this.state = `at ${how} of run ${sent.runId}, ${words}`;
    await this[how](sent, sent.runId);
    this.state = `cancelling run ${sent.runId}, ${words}`;
    await cancelling;
  }

  private async send({ sessionId, words }: Sent, way: 'background' | 'wait'): Promise<string | null> {
    const body = { content: words, ...(way === 'background' ? { background: true } : {}) };
    const answer = await this.door.ask('POST', `/sessions/${sessionId}/messages`, body, keyOf(words));
    return answer.status < 300 ? answer.json<{ run: { id: string } }>().run.id : null;
  }

  private async sendLooking({ sessionId, words }: Sent): Promise<string> {
    const path = `/sessions/${sessionId}/messages`;
    for (;;) {
      const answer = await this.door.askOnce('POST', path, { content: words, background: true });
      if (answer && answer.status < 300) return answer.json<{ run: { id: string } }>().run.id;
      // What was on its way to the database when its process died is there by then.
      await sleep(200);
      const asked = (await this.door.ask('GET', `${path}?role=user&limit=100`)).json<{ data: Said[] }>().data;
      const taken = asked.find(({ content }) => content === words);
      if (taken) return taken.runId;
    }
  }

  /** Sent again until it is streamed; each stream is read as far as it goes, and begins with the run's first event. */
  private async sendStreaming({ sessionId, words, readings }: Sent): Promise<string> {
    const headers = { 'idempotency-key': keyOf(words) };
    for (;;) {
      const path = `/sessions/${sessionId}/messages`;
      const response = await this.door.stream('POST', path, { content: words, stream: true }, headers);
      if (!response) continue;
      const shown: RunEnvelope[] = [];
      readings.push(shown);
      await readInto(shown, response);
      if (shown[0]) return shown[0].runId;
    }
  }

  private async readBySse({ readings }: Sent, runId: string): Promise<void> {
    const shown: RunEnvelope[] = [];
    readings.push(shown);
    while (!hasEnded(shown)) {
      const after = { 'last-event-id': String(shown.at(-1)?.seq ?? 0) };
      const response = await this.door.stream('GET', `/runs/${runId}/events`, undefined, after);
      if (response) await readInto(shown, response);
    }
  }

  private async readBySocket({ sessionId, readings }: Sent, runId: string): Promise<void> {
    const shown: RunEnvelope[] = [];
    readings.push(shown);
    while (!hasEnded(shown)) {
      const { url, token } = this.door.client();
      const socket = await TestSocket.connect(url, token ?? '').catch(() => null);
      if (!socket) {
        await sleep(100);
        continue;
      }
      const over = Promise.withResolvers<undefined>();
      socket.socket.on('event', (event: RunEnvelope) => {
        // Other runs of the session are other readers' business.
        if (event.runId === runId) shown.push(event);
        if (hasEnded(shown)) over.resolve(undefined);
      });
      void socket.closed.then(() => over.resolve(undefined));
      const join = { sessionId, runId, afterSeq: shown.at(-1)?.seq ?? 0 };
      const joined = await socket.say('session.join', join).catch(() => null);
      if (joined?.ok) await over.promise;
      socket.close();
      if (!joined?.ok) await sleep(100);
    }
  }

  private async cancel(sent: Sent, runId: string): Promise<void> {
    await sleep(this.random.between(0, 1_500));
    sent.cancel = 'asked';
    const answer = await this.door.cancel(runId);
    if (answer.status === 200 && answer.json().status !== 'completed') sent.cancel = 'granted';
  }
}

function keyOf(words: string): string {
  return words.replaceAll(' ', '-');
}

/** As far as the connection lasts. */
async function readInto(shown: RunEnvelope[], response: Response): Promise<void> {
  try {
    for await (const event of eventsOf(response)) shown.push(event);
  } catch {
    // It broke off: what was shown until then counts.
  }
}

function hasEnded(shown: RunEnvelope[]): boolean {
  return RUN_ENDS.has(shown.at(-1)?.type ?? '');
}
