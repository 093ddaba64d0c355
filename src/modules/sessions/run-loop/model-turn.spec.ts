import { describe, expect, it } from '@jest/globals';
import type { AssistantBlock, ModelEvent, ModelUsage, StopReason } from '../../models/model-client.js';
import { WireNames } from '../../tools/tool-wire-names.js';
import { DEFAULT_LIMITS } from '../../agents/agent-definition.js';
import { textOf } from '../messages/message.js';
import type { WholeRun } from '../runs/run.js';
import { ModelTurn } from './model-turn.js';
import { RunDisplay } from './run-display.js';
import type { EventDraft, RunEventWriter } from './run-event.writer.js';
import { RunHold } from './run-hold.js';

const usage: ModelUsage = {
  inputTokens: 1,
  outputTokens: 2,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  estimated: false,
};
const delta = (text: string): ModelEvent => ({ type: 'text', text });
const block = (of: AssistantBlock): ModelEvent => ({ type: 'block', block: of });
const said = (...pieces: string[]): ModelEvent[] => [
  ...pieces.map(delta),
  block({ type: 'text', text: pieces.join('') }),
];
const call = (id: string, input: Record<string, unknown> = {}): ModelEvent =>
  block({ type: 'tool_use', id, name: 'calculator__add', input });
const done = (stopReason: StopReason = 'end_turn'): ModelEvent => ({ type: 'done', stopReason, usage });
const restart: ModelEvent = { type: 'restart', reason: 'it broke', model: 'other', usage };

interface Setting {
  kept?: string;
  goesOn?: boolean;
  callIds?: string[];
  isHeld?: boolean;
  onUsage?: (usage: ModelUsage, model: string | null) => void;
}

function given({ kept = '', goesOn = false, callIds = [], isHeld = false, onUsage = () => undefined }: Setting = {}) {
  const drafts: EventDraft[] = [];
  const writer = { add: (_hold: RunHold, draft: EventDraft) => drafts.push(draft) } as unknown as RunEventWriter;
  const run = { activeMs: 0, openMessageId: null, pinned: { limits: { ...DEFAULT_LIMITS, maxExecutionTimeMs: null } } };
  const hold = new RunHold(run as unknown as WholeRun, 1);
  const names = new WireNames(['calculator:add']);
  const display = new RunDisplay(writer);
  const how = { kept, goesOn, callIds: new Set(callIds), isHeld, onUsage };
  const turn = new ModelTurn(hold, { turn: 1, ...how, names, display });
  const shown = (): string =>
    drafts.map(({ type, data }) => (type === 'message.delta' ? String(data['text']) : '')).join('');
  const types = (): string[] => drafts.map(({ type }) => type);
  return { hold, drafts, shown, types, consume: (...events: ModelEvent[]) => turn.consume(stream(events)) };
}

async function* stream(events: ModelEvent[]): AsyncGenerator<ModelEvent> {
  for (const event of events) yield await Promise.resolve(event);
}

describe('ModelTurn', () => {
  it('shows text as it comes and keeps the blocks it adds up to', async () => {
    const { consume, shown, types } = given();
    const { blocks, stopReason } = await consume(...said('Hel', 'lo'), call('t1', { a: 1 }), done('tool_use'));
    expect(blocks).toEqual([
      { type: 'text', text: 'Hello', turn: 1 },
      { type: 'tool_use', id: 't1', name: 'calculator:add', input: { a: 1 }, turn: 1 },
    ]);
    expect(stopReason).toBe('tool_use');
    expect(shown()).toBe('Hello');
    expect(types()).toEqual(['message.started', 'message.delta', 'message.delta']);
  });

  it('makes a paragraph of its own after the steps before, shown and kept alike', async () => {
    const { consume, shown } = given({ kept: 'Let me see.' });
    const { blocks } = await consume(...said('Four', '.'), ...said(' Done.'), done());
    expect(`Let me see.${textOf(blocks)}`).toBe('Let me see.\n\nFour. Done.');
    expect(shown()).toBe('Let me see.\n\nFour. Done.');
  });

  it('takes up the sentence of a step that was paused', async () => {
    const { consume, shown } = given({ kept: 'It is a', goesOn: true });
    await consume(...said(' long story.'), done());
    expect(shown()).toBe('It is a long story.');
  });

  it('holds back what may be no answer, also from those who end it in the middle, and shows only that it thinks', async () => {
    const { consume, shown, types, hold } = given({ isHeld: true });
    const { blocks } = await consume(
      { type: 'thinking', text: 'hm' },
      block({ type: 'thinking', text: 'hm', signature: 's1' }),
      ...said('{"a":', '1}\ud83d'),
      ...said('', ' So.'),
      done(),
    );
    expect(blocks).toEqual([
      { type: 'thinking', text: 'hm', signature: 's1', turn: 1 },
      { type: 'text', text: '{"a":1}', turn: 1 },
      { type: 'text', text: ' So.', turn: 1 },
    ]);
    expect(shown()).toBe('');
    expect(types()).toEqual(['message.started', 'thinking.delta']);
    expect(textOf(hold.partial)).toBe('');
  });

  it('joins a character that comes in two halves, and never shows half of one', async () => {
    const { consume, shown } = given();
    const { blocks } = await consume(...said('a\ud83d', '\ude00b', '\ude00', 'c\ud83d'), done());
    expect(shown()).toBe('a😀b\ufffdc');
    expect(textOf(blocks)).toBe(shown());
  });

  it('shows nothing for what holds nothing', async () => {
    const { consume, types } = given();
    expect((await consume(...said('\u0000', ''), done())).blocks).toEqual([]);
    expect(types()).toEqual([]);
  });

  it('keeps what a database can hold of calls, with names in the order in which it gives them back', async () => {
    const { consume } = given();
    const { blocks } = await consume(
      call('t1', { long: 'x\u0000', b: '\ud800', a: { zz: 1, z: 2 } }),
      done('tool_use'),
    );
    expect(JSON.stringify(blocks[0])).toContain('"input":{"a":{"z":2,"zz":1},"b":"\ufffd","long":"x"}');
  });

  it('keeps thinking with its signature, but not that of a text it could not keep', async () => {
    const { consume } = given();
    const { blocks } = await consume(
      { type: 'thinking', text: 'hm' },
      block({ type: 'thinking', text: 'hm', signature: 's1' }),
      block({ type: 'thinking', text: 'h\u0000m', signature: 's2' }),
      block({ type: 'redacted_thinking', data: 'xx' }),
      done(),
    );
    expect(blocks).toMatchObject([
      { type: 'thinking', text: 'hm', signature: 's1' },
      { type: 'thinking', text: 'hm', signature: '' },
      { type: 'redacted_thinking', data: 'xx' },
    ]);
  });

  it('gives calls ids that no other call of the run has', async () => {
    const { consume } = given({ callIds: ['t1'] });
    const { blocks } = await consume(call('t1'), call('t2'), call('t2'), done('tool_use'));
    expect(blocks).toMatchObject([{ id: 't1_2' }, { id: 't2' }, { id: 't2_2' }]);
  });

  it('leaves out the call that the token limit cut off, and no other', async () => {
    const cut = await given().consume(call('t1'), call('t2'), done('max_tokens'));
    expect(cut.blocks).toMatchObject([{ id: 't1' }]);
    const text = await given().consume(call('t1'), ...said('and'), done('max_tokens'));
    expect(text.blocks).toMatchObject([{ id: 't1' }, { type: 'text', text: 'and' }]);
  });
});

describe('ModelTurn, begun anew', () => {
  it('voids what was shown and repeats what was kept', async () => {
    const counted: [number, string | null][] = [];
    const onUsage = ({ outputTokens }: ModelUsage, model: string | null) => counted.push([outputTokens, model]);
    const { consume, drafts } = given({ kept: 'Kept.', onUsage });
    const { blocks } = await consume(delta('Wro'), restart, ...said('Right'), done());
    expect(textOf(blocks)).toBe('\n\nRight');
    const [first, , , , second] = drafts.map(({ data }) => data['messageId']);
    expect(drafts.map(({ type, data }) => [type, data['text'] ?? data['reason']])).toEqual([
      ['message.started', undefined],
      ['message.delta', 'Kept.'],
      ['message.delta', '\n\nWro'],
      ['message.discarded', 'it broke'],
      ['message.started', undefined],
      ['message.delta', 'Kept.'],
      ['message.delta', '\n\nRight'],
    ]);
    expect(second).not.toBe(first);
    expect(counted).toEqual([
      [2, 'other'],
      [2, null],
    ]);
  });

  it('voids nothing where nothing was shown', async () => {
    const { consume, types } = given();
    await consume(restart, ...said('Right'), done());
    expect(types()).toEqual(['message.started', 'message.delta']);
  });

  it('ends with what its caller throws at the price of the attempt', async () => {
    const { consume } = given({
      onUsage: () => {
        throw new Error('too dear');
      },
    });
    await expect(consume(restart, ...said('Right'), done())).rejects.toThrow('too dear');
  });

  it('knows what was shown when it breaks off', async () => {
    const { consume, hold } = given();
    await expect(consume(...said('One.'), delta(' Tw'))).rejects.toThrow('without an end');
    expect(textOf(hold.partial)).toBe('One. Tw');
  });
});
