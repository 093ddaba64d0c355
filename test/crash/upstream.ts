import { FakeAnthropic } from '../upstream/fake-anthropic.js';
import { blocksOf, lastUserText, type MessagesRequest } from '../upstream/messages-api.js';
import { saying, type Reply, type Step } from '../upstream/reply.js';
import type { Random } from './random.js';

/** A model call as it arrived. */
export interface Asked {
  /** How many model calls of the run were finished before it. */
  turn: number;
  /** Milliseconds since 1970. */
  at: number;
  /** Which process made it. */
  process: string;
  /** The tool call with an effect that it asked for, if it did. */
  toolUseId: string;
  /** What it was answered with; no two calls are answered alike. */
  text: string;
}

const LONGEST_PAUSE_MS = 90;

/** What a message says: which it is, and how many rounds of tools its run takes. */
export function wordsOf(name: string, rounds: number): string {
  return `${name} in ${rounds} rounds`;
}

/** The model of all sessions: some rounds of tools, then an answer in several pieces. Every call is counted. */
export class CountingUpstream {
  readonly fake = new FakeAnthropic();
  calls = 0;
  private readonly asked = new Map<string, Asked[]>();

  constructor(private readonly random: Random) {
    this.fake.respond = (request) => this.reply(request);
  }

  /** The calls for a message, in the order of their arrival. */
  of(words: string): readonly Asked[] {
    return this.asked.get(words) ?? [];
  }

  private reply(request: MessagesRequest): Reply {
    // A message before it that was never answered stands in the same turn.
    const words = lastUserText(request).split('\n').at(-1) ?? '';
    const rounds = / in (\d+) rounds$/.exec(words)?.[1];
    // Each process has a key of its own.
    const process = String(this.fake.requests.at(-1)?.headers.authorization).replace('Bearer ', '');
    this.fake.requests.length = 0;
    if (rounds === undefined) return saying('What?');
    const turn = turnOf(request);
    const call = ++this.calls;
    const text = `Call ${call}, turn ${turn} of ${words}.`;
    this.asked.set(words, [...this.of(words), { turn, at: Date.now(), process, text, toolUseId: `make_${call}` }]);
    return {
      delayMs: this.random.between(0, LONGEST_PAUSE_MS),
      steps: [...this.spoken(text), ...(turn < Number(rounds) ? this.tools(call) : [])],
    };
  }

  /** Word by word, with pauses in between. */
  private spoken(text: string): Step[] {
    return (text.match(/\S+\s*|\s+/g) ?? []).flatMap((word): Step[] => [
      { text: word },
      { pauseMs: this.random.between(0, LONGEST_PAUSE_MS) },
    ]);
  }

  private tools(call: number): Step[] {
    const use = (name: 'make' | 'look', id: string): Step => ({
      toolUse: { name: `effects__${name}`, id, input: { call: id } },
    });
    return [use('make', `make_${call}`), ...(this.random.chance(0.5) ? [use('look', `look_${call}`)] : [])];
  }
}

function turnOf({ messages }: MessagesRequest): number {
  const isSaid = messages.map((message) => message.role === 'user' && blocksOf(message).some(({ text }) => text));
  return messages.slice(isSaid.lastIndexOf(true)).filter(({ role }) => role === 'assistant').length;
}
