import { isDeepStrictEqual } from 'node:util';
import { RUN_ENDS, type RunEnvelope } from '../../src/contracts/live-events.js';
import type { MessageDto } from '../../src/modules/sessions/messages/messages.dto.js';
import type { RunDto } from '../../src/modules/sessions/runs/runs.dto.js';
import { told } from '../told.js';
import type { Sent } from './conversations.js';
import type { Effects } from './effects.js';
import type { Kill, Outage } from './slot.js';
import type { Asked, CountingUpstream } from './upstream.js';

/**
 * `lost`: a message was acknowledged (its POST was answered, or its `run.started` was seen) and its run does not
 * complete (or, where that was granted, is not cancelled), or the message, the run or the answer is not there
 * afterwards; an event was shown to a reader and is not stored with the same `seq` and content; a text was shown that
 * is neither what is stored nor was made void by `message.discarded`, or is stored and nothing the model said; a tool
 * call has a result and its effect did not happen.
 * `doubled`: two answers of a run, two ends of a run, a message or a session stored twice for one `Idempotency-Key`;
 * an effect of the tool that must not be repeated that happened twice for one call, or for a call that is not stored;
 * a model call that was asked for again after its step was stored, or while its process was alive.
 * `gap`: a hole or a repetition in the `seq` of a run, in what is stored or in what a reader was shown, who comes back
 * over several connections.
 * `wrong`: an answer that no client should get, or a process that ended by itself.
 */
export interface Fault {
  kind: 'lost' | 'doubled' | 'gap' | 'wrong';
  what: string;
}

/** A run as it is stored when everything is over. */
export interface Stored {
  run: RunDto;
  events: RunEnvelope[];
  /** All messages of its session. */
  messages: MessageDto[];
}

/** Of all runs together. */
export interface Verdict {
  faults: Fault[];
  runs: number;
  /** Model calls beyond the first of a step, each in place of one that was in the air when its process died. */
  repeatedCalls: number;
  /** Calls of the tool that must not be repeated whose process died before there was a result. */
  unknownOutcomes: number;
  /**
   * From a kill to the first call that the next holder of the run made, in milliseconds; not where another process was
   * killed meanwhile that may have been the next holder.
   */
  takeOversMs: number[];
}

/** A lease of 10 s that is renewed every 3 s, or a second later, has so much left. */
const LEASE_LEFT_MS = 6_000;

/** Says of runs what was lost and what was done twice. */
export class Judge {
  constructor(
    private readonly upstream: Pick<CountingUpstream, 'of'>,
    private readonly effects: Pick<Effects, 'of'>,
    private readonly kills: readonly Kill[],
    private readonly outages: readonly Outage[],
  ) {}

  judge(sent: Sent, stored: Stored, verdict: Verdict): void {
    const asked = this.upstream.of(sent.words);
    const calls = stored.events.filter(({ type }) => type === 'tool.call').map((event) => data(event).toolUseId);
    const results = stored.events.filter(({ type }) => type === 'tool.result').map(data);
    const found = [
      ...this.sequence(sent, stored),
      ...this.readers(sent, stored),
      ...this.answer(sent, stored, asked),
      ...this.modelCalls(stored, asked),
      ...this.toolCalls(asked, calls, results),
    ];
    const steps = new Set(asked.map(({ turn }) => turn)).size;
    verdict.runs++;
    for (const { kind, what } of found)
      verdict.faults.push({ kind, what: `${what} (${sent.words}, run ${stored.run.id})` });
    verdict.repeatedCalls += asked.length - steps;
    verdict.unknownOutcomes += results.filter(({ output }) => output.startsWith('unknown outcome')).length;
    verdict.takeOversMs.push(...this.takeOvers(asked, calls));
  }

  private *sequence(sent: Sent, { run, events }: Stored): Generator<Fault> {
    if (!isGapless(events) || run.lastSeq !== events.length)
      yield { kind: 'gap', what: `stored is ${seqs(events)}, lastSeq ${run.lastSeq}` };
    for (const shown of sent.readings)
      if (!isGapless(shown)) yield { kind: 'gap', what: `a reader was shown ${seqs(shown)}` };
    const ends = events.filter(({ type }) => RUN_ENDS.has(type)).length;
    if (ends > 1) yield { kind: 'doubled', what: `ends ${ends} times` };
    if (ends === 0) yield { kind: 'lost', what: `does not end, it is ${run.status}` };
    try {
      told(events);
    } catch (error) {
      yield { kind: 'lost', what: `is told wrongly: ${String(error)}` };
    }
  }

  private *readers({ readings }: Sent, { events }: Stored): Generator<Fault> {
    const bySeq = new Map(events.map((event) => [event.seq, event]));
    for (const event of readings.flat()) {
      if (isDeepStrictEqual(event, bySeq.get(event.seq))) continue;
      yield {
        kind: 'lost',
        what: `shown was ${JSON.stringify(event)}, stored is ${JSON.stringify(bySeq.get(event.seq))}`,
      };
    }
  }

  private *answer(sent: Sent, { run, messages }: Stored, asked: readonly Asked[]): Generator<Fault> {
    const expected = { none: ['completed'], asked: ['completed', 'cancelled'], granted: ['cancelled'] }[sent.cancel];
    if (!expected.includes(run.status)) yield { kind: 'lost', what: `is ${run.status}: ${JSON.stringify(run.error)}` };
    const questions = messages.filter(({ role, content }) => role === 'user' && content === sent.words);
    if (questions.length === 0) yield { kind: 'lost', what: 'the message is not there' };
    if (questions.length > 1) yield { kind: 'doubled', what: `the message is stored ${questions.length} times` };
    const answers = messages.filter(({ role, runId }) => role === 'assistant' && runId === run.id);
    if (answers.length > 1) yield { kind: 'doubled', what: `has ${answers.length} answers` };
    if (run.status !== 'completed') return;
    const [answer] = answers;
    if (!answer) yield { kind: 'lost', what: 'the answer is not there' };
    const said = answer?.content.split('\n\n') ?? [];
    const isSaid = said.every((text, turn) => asked.some((one) => one.turn === turn && one.text === text));
    if (answer && (said.length !== sent.rounds + 1 || !isSaid))
      yield { kind: 'lost', what: `the answer is not what the model said: ${answer.content}` };
  }

  private *modelCalls({ run, events }: Stored, asked: readonly Asked[]): Generator<Fault> {
    const over = Date.parse(events.at(-1)?.at ?? '');
    for (const [index, call] of asked.entries()) {
      // A step of tools is stored with its calls, whose ids name the model call; the last one with the end of the run.
      const storedAt = events
        .filter(({ type }) => type === 'tool.call')
        .filter((event) => asked.some((one) => one.turn === call.turn && one.toolUseId === data(event).toolUseId))
        .map(({ at }) => Date.parse(at))[0];
      if (call.at > (storedAt ?? over)) yield { kind: 'doubled', what: `turn ${call.turn} was asked for once stored` };
      const before = asked.slice(0, index).findLast(({ turn }) => turn === call.turn);
      if (before && !this.isForgiven(before.process, before.at, call.at))
        yield {
          kind: 'doubled',
          what: `turn ${call.turn} was asked for again though ${before.process} was alive`,
        };
    }
    if (asked.length === 0 && run.status !== 'cancelled') yield { kind: 'lost', what: 'the model was never asked' };
  }

  private *toolCalls(asked: readonly Asked[], calls: string[], results: ReturnType<typeof data>[]): Generator<Fault> {
    for (const { toolUseId: id } of asked) {
      const times = this.effects.of(id).length;
      const result = results.find(({ toolUseId }) => toolUseId === id);
      if (times > 1) yield { kind: 'doubled', what: `${id} had its effect ${times} times` };
      if (times > 0 && !calls.includes(id)) yield { kind: 'doubled', what: `${id} had its effect and is not stored` };
      if (times === 0 && result && !result.isError) yield { kind: 'lost', what: `${id} has a result and no effect` };
      const isTold = result?.isError === false || result?.output.startsWith('unknown outcome');
      if (result && !isTold) yield { kind: 'lost', what: `${id} failed: ${result.output}` };
    }
  }

  /** Its process died in between, or lost its connections and let go of its runs. */
  private isForgiven(process: string, from: number, to: number): boolean {
    return (
      this.kills.some((kill) => kill.process === process && kill.at <= to) ||
      this.outages.some((outage) => outage.from <= to && outage.to >= from)
    );
  }

  private takeOvers(asked: readonly Asked[], calls: string[]): number[] {
    const signs = [...asked, ...calls.flatMap((call) => this.effects.of(call))].sort((a, b) => a.at - b.at);
    return signs.flatMap((sign, index) => {
      const before = signs[index - 1];
      if (!before || before.process === sign.process) return [];
      const kill = this.kills.find(({ process, at }) => process === before.process && at <= sign.at);
      if (!kill) return [];
      const mayHaveHeld = ({ at, wasStarting }: Kill): boolean =>
        !wasStarting && at > kill.at + LEASE_LEFT_MS && at <= sign.at;
      return this.kills.some(mayHaveHeld) ? [] : [sign.at - kill.at];
    });
  }
}

function data(event: RunEnvelope): { toolUseId: string; isError: boolean; output: string } {
  return event.data as { toolUseId: string; isError: boolean; output: string };
}

function isGapless(events: RunEnvelope[]): boolean {
  return events.every(({ seq }, index) => seq === index + 1);
}

function seqs(events: RunEnvelope[]): string {
  return events.map(({ seq }) => seq).join(' ');
}
