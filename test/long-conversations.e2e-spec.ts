import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { MessageDto } from '../src/modules/sessions/messages/messages.dto.js';
import type { Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Sent, type Talk } from './conversations.js';
import { lastUserText, type Block, type MessagesRequest } from './upstream/messages-api.js';
import { PromptCache } from './upstream/prompt-cache.js';
import { failing, saying, type Reply } from './upstream/reply.js';
import { promptTokens } from './upstream/validate-length.js';

const WINDOW = 8_000;
/** About 480 tokens by our own estimate, which is the higher one. */
const LONG = 'The delivery note of the 3rd of May lists nine crates. '.repeat(26);

let app: TestApp;
let talks: Conversations;
/** What the model answers when it is asked for a summary, by how often it was. */
let summaries: (count: number) => Reply;
let transcripts: string[];

beforeAll(async () => {
  app = await startApp(manyModels({ contextWindow: WINDOW, maxOutputTokens: 1_000 }));
  talks = new Conversations(app);
}, 60_000);
afterAll(() => app.close());
beforeEach(() => {
  transcripts = [];
  summaries = (count) => saying(`Summary ${count}.`);
  app.upstream.respond = (request) => {
    if (!isForSummary(request)) return saying(`Noted. ${LONG}`);
    transcripts.push(lastUserText(request));
    return summaries(transcripts.length);
  };
});

function isForSummary({ system }: MessagesRequest): boolean {
  return (system as Block[])[0]?.text?.startsWith('You are given the beginning of a conversation') ?? false;
}

async function say({ as, sessionId }: Talk, content: string): Promise<Sent> {
  return (await as.post(`/sessions/${sessionId}/messages`, { content }).expect(201)).json<Sent>();
}

async function listOf({ as, sessionId }: Talk): Promise<MessageDto[]> {
  return (await as.get(`/sessions/${sessionId}/messages?limit=100`).expect(200)).json<Listed<MessageDto>>().data;
}

/** How the upstream answered what it was asked for a model. */
function statusesOf({ model }: Talk): Set<number> {
  return new Set(app.upstream.requests.filter(({ body }) => body.model === model).map(({ status }) => status));
}

describe('A conversation longer than the window of its model', () => {
  it('goes on, its oldest part summarised once, and the summary shown as such', async () => {
    const talk = await talks.start({ resourceLimits: { maxTokens: null } });
    const said = Array.from({ length: 14 }, (_, index) => `Fact number ${index + 1}. ${LONG}`);
    for (const content of said) expect((await say(talk, content)).run.status).toBe('completed');

    expect(transcripts.length).toBeGreaterThan(0);
    // What was summarised once stands in the next only as its summary.
    for (const content of said) {
      const fact = content.slice(0, content.indexOf('.') + 1);
      expect(transcripts.filter((text) => text.includes(fact)).length).toBeLessThanOrEqual(1);
    }
    if (transcripts[1]) expect(transcripts[1]).toContain('Summary 1.');

    const messages = await listOf(talk);
    const shown = messages.filter(({ role }) => role === 'system');
    expect(shown.map(({ content }) => content)).toEqual(transcripts.map((_, index) => `Summary ${index + 1}.`));
    for (const { summarizes } of shown) expect(summarizes).toBeGreaterThan(1);
    const others = messages.filter(({ role }) => role !== 'system');
    expect(others).toHaveLength(2 * said.length);
    expect(others.every(({ summarizes }) => summarizes === null)).toBe(true);
    const session = (await talk.as.get(`/sessions/${talk.sessionId}`)).json<{ messageCount: number }>();
    expect(session.messageCount).toBe(messages.length);

    const last = talks.sent(talk.model).at(-1);
    expect(JSON.stringify(last?.messages[0])).toContain(`Summary ${transcripts.length}.`);
    expect(JSON.stringify(last?.messages)).toContain('Fact number 14.');
    expect(JSON.stringify(last?.messages)).not.toContain('Fact number 1.');
  }, 60_000);

  it('pays for the summary in the run that made it', async () => {
    const talk = await talks.start({ resourceLimits: { maxTokens: null } });
    let summarised: Sent | undefined;
    for (let turn = 0; turn < 14 && !summarised; turn++) {
      const sent = await say(talk, LONG);
      if (transcripts.length > 0) summarised = sent;
    }
    const { data } = (await talk.as.get(`/sessions/${talk.sessionId}/runs?limit=2`)).json<Listed<Sent['run']>>();
    // Each scripted answer counts alike, so a run of two calls has taken twice the output of a run of one.
    expect(data[0]?.usage.outputTokens).toBeGreaterThan(data[1]?.usage.outputTokens ?? 0);
    expect(summarised?.run.status).toBe('completed');
  }, 60_000);

  it('goes on without a summary where the model does not write one', async () => {
    const talk = await talks.start({ resourceLimits: { maxTokens: null } });
    summaries = () => failing(400);
    for (let turn = 0; turn < 12; turn++) expect((await say(talk, LONG)).run.status).toBe('completed');
    expect(transcripts.length).toBeGreaterThan(0);
    expect((await listOf(talk)).filter(({ role }) => role === 'system')).toEqual([]);
  }, 60_000);

  it('is summarised also when it begins with more than one call can take', async () => {
    const talk = await talks.start({ resourceLimits: { maxTokens: null } });
    await say(talk, `It begins. ${LONG.repeat(11)} It ends.`);
    for (let turn = 0; turn < 4; turn++) await say(talk, LONG);
    expect(transcripts[0]).toMatch(/It begins\.[^]*\[\d+ characters left out\][^]*It ends\./);
    const [summary] = (await listOf(talk)).filter(({ role }) => role === 'system');
    expect(summary?.summarizes).toBeGreaterThanOrEqual(1);
    expect(JSON.stringify(talks.sent(talk.model).at(-1)?.messages[0])).toContain('Summary');
  }, 60_000);

  it('stays within what its runs may use', async () => {
    const talk = await talks.start({ resourceLimits: { maxTokens: 7_000 } });
    app.upstream.respond = (request) => {
      const isSummary = isForSummary(request);
      if (isSummary) transcripts.push(lastUserText(request));
      return { ...saying(isSummary ? 'Summary.' : `Noted. ${LONG}`), usage: { inputTokens: promptTokens(request) } };
    };
    for (let turn = 0; turn < 12; turn++) {
      const { run } = await say(talk, LONG);
      expect(run.status).toBe('completed');
      expect(run.usage.inputTokens).toBeGreaterThan(LONG.length / 4);
      expect(run.usage.inputTokens + run.usage.outputTokens).toBeLessThanOrEqual(7_000);
    }
    expect(transcripts.length).toBeGreaterThan(0);
  }, 60_000);

  it.each(['交货单列出了五月三日的九个箱子。', '納品書には九つの箱が並んでいます。', 'В накладной девять ящиков. '])(
    'goes on in every script: %s',
    async (sentence) => {
      const talk = await talks.start({ resourceLimits: { maxTokens: null } });
      const long = sentence.repeat(40);
      app.upstream.respond = (request) => {
        if (!isForSummary(request)) return saying(long);
        transcripts.push(lastUserText(request));
        return summaries(transcripts.length);
      };
      for (let turn = 1; turn <= 16; turn++) expect((await say(talk, `${turn}: ${long}`)).run.status).toBe('completed');
      expect(transcripts.length).toBeGreaterThan(0);
      const shown = (await listOf(talk)).filter(({ role }) => role === 'system');
      expect(shown.map(({ content }) => content)).toEqual(transcripts.map((_, index) => `Summary ${index + 1}.`));
      expect(statusesOf(talk)).toEqual(new Set([200]));
    },
    60_000,
  );

  it('is summarised also when a message in Chinese is more than one call can take', async () => {
    const talk = await talks.start({ resourceLimits: { maxTokens: null } });
    await say(talk, `It begins. ${'九个箱子。'.repeat(1_100)} It ends.`);
    for (let turn = 0; turn < 4; turn++) await say(talk, LONG);
    expect(transcripts[0]).toMatch(/It begins\.[^]*\[\d+ characters left out\][^]*It ends\./);
    expect(statusesOf(talk)).toEqual(new Set([200]));
  }, 60_000);
});

describe('A provider that finds a prompt too long', () => {
  const refusal = failing(400, {}, 'prompt is too long: 8100 tokens > 8000 maximum');
  const usage = { inputTokens: 100, outputTokens: 10 };

  /** As many exchanges as still fit. */
  async function begun(): Promise<Talk> {
    const talk = await talks.start({ resourceLimits: { maxTokens: null } });
    for (let turn = 1; turn <= 5; turn++) await say(talk, `Fact number ${turn}. ${LONG}`);
    expect(transcripts).toEqual([]);
    return talk;
  }
  const lastSent = ({ model }: Talk) => JSON.stringify(talks.sent(model).at(-1)?.messages);

  it('is asked again with less, the rest summarised', async () => {
    const talk = await begun();
    app.upstream.enqueue(refusal, { ...saying('In short.'), usage }, { ...saying('Yes.'), usage });
    const { run, message } = await say(talk, 'And?');
    expect(run).toMatchObject({ status: 'completed', usage: { inputTokens: 200, outputTokens: 20 } });
    expect(message?.content).toBe('Yes.');
    expect(statusesOf(talk)).toEqual(new Set([200, 400]));
    expect(lastSent(talk)).toContain('In short.');
    expect(lastSent(talk)).toContain('And?');
    expect(lastSent(talk)).not.toContain('Fact number 1.');
    expect((await listOf(talk)).filter(({ role }) => role === 'system')).toHaveLength(1);
    await say(talk, 'And then?');
    expect(talks.sent(talk.model)).toHaveLength(9);
  }, 60_000);

  it('is asked with the newest exchange alone where less is too long as well', async () => {
    const talk = await begun();
    summaries = () => refusal;
    app.upstream.enqueue(refusal, refusal, refusal);
    expect((await say(talk, 'And?')).run.status).toBe('completed');
    expect(talks.sent(talk.model).at(-1)?.messages).toHaveLength(1);
    expect(lastSent(talk)).toContain('And?');
  }, 60_000);

  it('fails the run by that name where the newest exchange alone is too long, and the session goes on', async () => {
    const talk = await talks.start({ resourceLimits: { maxTokens: null } });
    app.upstream.enqueue(refusal);
    const { run } = await say(talk, 'Hi');
    expect(run).toMatchObject({ status: 'failed', error: { code: 'context_window_exceeded' } });
    expect(talks.sent(talk.model)).toHaveLength(1);
    expect((await say(talk, 'Hi again')).run.status).toBe('completed');
  }, 60_000);

  it('in the middle of its answer begins it again, with what was shown void and paid', async () => {
    const talk = await begun();
    const full = { ...saying('Half an'), stopReason: 'model_context_window_exceeded', usage };
    const { run, message, discarded } = await talks.ask(
      talk,
      [full, { ...saying('In short.'), usage }, { ...saying('A whole answer.'), usage }],
      { content: 'And?' },
    );
    expect(run).toMatchObject({ status: 'completed', usage: { inputTokens: 300, outputTokens: 30 } });
    expect(message?.content).toBe('A whole answer.');
    expect(discarded).toEqual(['Half an']);
  }, 60_000);
});

describe('The price of a turn', () => {
  it('stays flat as the conversation grows: what was sent before is read from the cache', async () => {
    const talk = await talks.start({ resourceLimits: { maxTokens: null }, tools: ['calculator:*'] });
    app.upstream.respond = () => saying('Yes.');
    for (let turn = 1; turn <= 30; turn++) await say(talk, `Question ${turn}?`);
    const cache = new PromptCache();
    const turns = talks.sent(talk.model).map((request) => cache.send(request));
    expect(turns).toHaveLength(30);
    expect(turns[0]?.read).toBe(0);
    const [second, last] = [turns[1], turns.at(-1)];
    for (const { fresh } of turns.slice(1)) expect(fresh).toBeLessThanOrEqual((second?.fresh ?? 0) + 20);
    expect(last?.read).toBeGreaterThan((second?.read ?? 0) + 29 * 'Question'.length);
  }, 60_000);

  it('stays flat while the state of the application changes', async () => {
    const talk = await talks.start({ resourceLimits: { maxTokens: null } });
    app.upstream.respond = () => saying('Yes.');
    const path = `/sessions/${talk.sessionId}/messages`;
    for (let turn = 1; turn <= 10; turn++) {
      await talk.as.post(path, { content: `Question ${turn}?`, context: { page: turn } }).expect(201);
    }
    const cache = new PromptCache();
    const turns = talks.sent(talk.model).map((request) => cache.send(request));
    for (const { fresh } of turns.slice(2)) expect(fresh).toBeLessThanOrEqual((turns[1]?.fresh ?? 0) + 20);
  }, 60_000);
});

describe('A summary', () => {
  /** A conversation that was summarised, and goes on. */
  async function summarised(): Promise<{ talk: Talk; said: string[] }> {
    const talk = await talks.start({ resourceLimits: { maxTokens: null } });
    const said: string[] = [];
    for (let turn = 1; transcripts.length === 0; turn++) {
      said.push(`Fact number ${turn}. ${LONG}`);
      await say(talk, said.at(-1) ?? '');
    }
    return { talk, said };
  }
  const lastSent = ({ model }: Talk) => JSON.stringify(talks.sent(model).at(-1)?.messages);

  it('goes over to a fork', async () => {
    const { talk } = await summarised();
    const fork = (await talk.as.post(`/sessions/${talk.sessionId}/fork`, {}).expect(201)).json<{ id: string }>();
    const asked = transcripts.length;
    await say({ ...talk, sessionId: fork.id }, 'And?');
    expect(transcripts).toHaveLength(asked);
    expect(lastSent(talk)).toContain('Summary 1.');
    expect(lastSent(talk)).not.toContain('Fact number 1.');
  }, 60_000);

  it('is no answer that could be made anew', async () => {
    const { talk } = await summarised();
    const before = await listOf(talk);
    const summary = before.find(({ role }) => role === 'system');
    await talk.as.post(`/messages/${summary?.id ?? ''}/regenerate`).expect(409);
    expect(await listOf(talk)).toEqual(before);
  }, 60_000);

  it('is no longer used when what it tells of was deleted or changed', async () => {
    for (const change of ['delete', 'patch'] as const) {
      transcripts = [];
      const { talk } = await summarised();
      const [first] = await listOf(talk);
      const path = `/messages/${first?.id ?? ''}`;
      if (change === 'delete') await talk.as.delete(path).expect(204);
      else await talk.as.patch(path, { content: 'Fact number zero.' }).expect(200);
      const messages = await listOf(talk);
      expect(messages.filter(({ role }) => role === 'system')).toEqual([]);
      const session = (await talk.as.get(`/sessions/${talk.sessionId}`)).json<{ messageCount: number }>();
      expect(session.messageCount).toBe(messages.length);
      summaries = () => saying('Another summary.');
      await say(talk, 'And?');
      expect(transcripts.at(-1)).not.toContain('Fact number 1.');
      expect(transcripts.at(-1)?.includes('Fact number zero.')).toBe(change === 'patch');
    }
  }, 60_000);

  it('is kept when the answer before which it was made is made again', async () => {
    const { talk } = await summarised();
    const answer = (await listOf(talk)).findLast(({ role }) => role === 'assistant');
    const asked = transcripts.length;
    await talk.as.post(`/messages/${answer?.id ?? ''}/regenerate`).expect(201);
    expect(transcripts).toHaveLength(asked);
    expect(lastSent(talk)).toContain('Summary 1.');
  }, 60_000);
});
