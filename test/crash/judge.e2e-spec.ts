import { describe, expect, it } from '@jest/globals';
import type { RunEnvelope } from '../../src/contracts/live-events.js';
import type { Sent } from './conversations.js';
import { Judge, type Stored, type Verdict } from './judge.js';
import type { Asked } from './upstream.js';

// A judge that accepts anything would prove nothing.

const ids = { sessionId: 's', runId: 'r' };
const run = { id: 'r', status: 'completed', error: null, lastSeq: 8 };
const said = { id: 'm', role: 'assistant', runId: 'r', content: 'Look\n\nDone' };
const call = { toolUseId: 'make_1', name: 'effects:make', isError: false, output: 'make make_1' };

/** A run with one round of tools, as it should be. */
function scene() {
  const data: [RunEnvelope['type'], object][] = [
    ['run.started', { run: { ...run, status: 'queued' } }],
    ['message.created', {}],
    ['message.started', { messageId: 'm' }],
    ['message.delta', { messageId: 'm', text: said.content }],
    ['tool.call', call],
    ['tool.result', call],
    ['message.completed', { message: said }],
    ['run.completed', { run }],
  ];
  const events = data.map(([type, part], i): RunEnvelope => {
    return { ...ids, seq: i + 1, type, at: new Date(1_000 * (i + 1)).toISOString(), data: part };
  });
  const stored = { run, events, messages: [{ id: 'u', role: 'user', content: 'Hi in 1 rounds' }, said] };
  const asked: Asked[] = [
    { turn: 0, at: 3_500, process: 'p-1', text: 'Look', toolUseId: 'make_1' },
    { turn: 1, at: 6_500, process: 'p-1', text: 'Done', toolUseId: 'make_2' },
  ];
  const sent: Sent = {
    words: 'Hi in 1 rounds',
    rounds: 1,
    sessionId: 's',
    runId: 'r',
    readings: [structuredClone(events)],
    cancel: 'none',
  };
  const effects = [{ name: 'make' as const, call: 'make_1', process: 'p-1', at: 5_500 }];
  return {
    sent,
    stored: structuredClone(stored) as unknown as Stored,
    asked,
    effects,
    kills: [] as { process: string; at: number; wasStarting: boolean }[],
  };
}

function judged(change: (of: ReturnType<typeof scene>) => void): string[] {
  const it = scene();
  change(it);
  const verdict: Verdict = { faults: [], runs: 0, repeatedCalls: 0, unknownOutcomes: 0, takeOversMs: [] };
  const effects = { of: (id: string) => it.effects.filter((effect) => effect.call === id) };
  new Judge({ of: () => it.asked }, effects, it.kills, []).judge(it.sent, it.stored, verdict);
  return [...new Set(verdict.faults.map(({ kind }) => kind))].sort();
}

const again = (asked: Asked[], turn: number, at: number): number =>
  asked.push({ ...asked[turn]!, at, toolUseId: 'make_9', text: 'Again' });

describe('The judge of the crash test', () => {
  it('finds nothing where nothing is', () => {
    expect(judged(() => undefined)).toEqual([]);
  });

  it('forgives a call that was in the air when its process died', () => {
    const died = judged(({ asked, kills }) => {
      kills.push({ process: 'p-1', at: 3_300, wasStarting: false });
      asked.unshift({ ...asked[0]!, at: 3_200, toolUseId: 'make_0', text: 'Lo' });
    });
    expect(died).toEqual([]);
  });

  it.each<[string, string[], (of: ReturnType<typeof scene>) => unknown]>([
    [
      'an event that a reader was shown and is stored otherwise',
      ['lost'],
      ({ sent }) => (sent.readings[0]![1]!.data = 1),
    ],
    ['a hole in what a reader was shown', ['gap'], ({ sent }) => sent.readings[0]!.splice(3, 1)],
    ['a repetition in it', ['gap'], ({ sent }) => sent.readings[0]!.push(sent.readings[0]![7]!)],
    ['a run that failed', ['lost'], ({ stored }) => (stored.run.status = 'failed')],
    ['a message that is not there', ['lost'], ({ stored }) => stored.messages.shift()],
    ['an answer that is not there', ['lost'], ({ stored }) => stored.messages.pop()],
    ['two answers', ['doubled'], ({ stored }) => stored.messages.push(stored.messages[1]!)],
    ['a message stored twice', ['doubled'], ({ stored }) => stored.messages.push(stored.messages[0]!)],
    ['an answer that the model did not give', ['lost'], ({ asked }) => (asked[1]!.text = 'Well')],
    ['an effect that happened twice', ['doubled'], ({ effects }) => effects.push(effects[0]!)],
    ['a result without its effect', ['lost'], ({ effects }) => effects.pop()],
    ['a step asked for once it was stored', ['doubled'], ({ asked }) => again(asked, 0, 6_100)],
    ['a call made again while its process lived', ['doubled'], ({ asked }) => again(asked, 1, 6_600)],
  ])('finds %s', (_what, kinds, change) => {
    expect(judged(change)).toEqual(kinds);
  });
});
