import type { RunEnvelope } from '../src/contracts/live-events.js';
import type { MessageDto } from '../src/modules/sessions/messages/messages.dto.js';
import type { RunDto } from '../src/modules/sessions/runs/runs.dto.js';

/** A run as its events tell it. */
export interface Told {
  events: RunEnvelope[];
  types: string[];
  /** As the last event shows it. */
  run: RunDto;
  /** The answer, once complete. */
  message: MessageDto | null;
  /** The text shown of each message that was discarded. */
  discarded: string[];
  /** Names and outputs of the calls, in the order in which they came back. */
  results: { toolUseId: string; name: string; isError: boolean; output: string }[];
}

const ENDS = new Set(['run.completed', 'run.failed', 'run.cancelled']);

/** Reads a finished run; throws where its events break a rule that holds for every run. */
export function told(events: RunEnvelope[]): Told {
  const types = events.map(({ type }) => type);
  demand(
    events.every(({ seq }, index) => seq === index + 1),
    `seq is not gapless: ${events.map(({ seq }) => seq).join(' ')}`,
  );
  demand(new Set(events.map(({ runId }) => runId)).size === 1, 'events of several runs');
  const begun = dataOf<{ run: RunDto }>(events[0]).run;
  demand(types[0] === 'run.started' && begun.status === 'queued', `begins with ${types[0]} of a ${begun.status} run`);
  // What is answered again was said before.
  const isNew = begun.trigger !== 'regenerate';
  demand((types[1] === 'message.created') === isNew, `${begun.trigger} goes on with ${types[1]}`);
  demand(types.findIndex((type) => ENDS.has(type)) === events.length - 1, `does not end once: ${types.join(', ')}`);
  const { run } = dataOf<{ run: RunDto }>(events.at(-1));
  demand(run.lastSeq === events.length, `the run says lastSeq ${run.lastSeq} of ${events.length}`);
  return { events, types, run, ...messages(events), results: results(events) };
}

/** Started, said and completed or discarded, one after the other; what was said adds up. */
function messages(events: RunEnvelope[]): Pick<Told, 'message' | 'discarded'> {
  let open: string | null = null;
  let text = '';
  let message: MessageDto | null = null;
  const discarded: string[] = [];
  for (const event of events) {
    const { messageId, text: piece } = dataOf<{ messageId?: string; text?: string }>(event);
    switch (event.type) {
      case 'message.started':
        demand(open === null && message === null, 'a second message was started');
        open = messageId ?? '';
        text = '';
        break;
      case 'message.delta':
      case 'thinking.delta':
        demand(messageId === open, `a delta of a message that is not open`);
        if (event.type === 'message.delta') text += piece ?? '';
        break;
      case 'message.discarded':
        demand(messageId === open, 'a message was discarded that was not open');
        discarded.push(text);
        open = null;
        break;
      case 'message.completed': {
        const completed = dataOf<{ message: MessageDto }>(event).message;
        demand(completed.id === open, 'a message was completed that was not open');
        demand(
          completed.content === text,
          `shown was ${JSON.stringify(text)}, kept ${JSON.stringify(completed.content)}`,
        );
        message = completed;
        open = null;
        break;
      }
      default:
        break;
    }
  }
  demand(open === null, 'the run ended with a message open');
  return { message, discarded };
}

function results(events: RunEnvelope[]): Told['results'] {
  const called = new Set<string>();
  const results: Told['results'] = [];
  for (const event of events) {
    const data = dataOf<Told['results'][number]>(event);
    if (event.type === 'tool.call') called.add(data.toolUseId);
    if (event.type !== 'tool.result') continue;
    demand(called.delete(data.toolUseId), `a result of ${data.toolUseId}, which was not called or had one`);
    results.push(data);
  }
  return results;
}

function dataOf<T>(event: RunEnvelope | undefined): T {
  return event?.data as T;
}

function demand(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
