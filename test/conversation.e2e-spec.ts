import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Given } from './given.js';
import { eventually } from './platform-fixtures.js';
import { allEvents } from './sse.js';
import { failing, saying } from './upstream/reply.js';

let app: TestApp;
let given: Given;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
}, 60_000);

afterAll(() => app.close());

interface Sent {
  message: { id: string; content: string; role: string; toolCalls: { name: string; output: string }[] } | null;
  run: { id: string; status: string; lastSeq: number; error: { code: string } | null; usage: { outputTokens: number } };
}

describe('a message that waits for its answer', () => {
  it('answers 201 with what the tools found out', async () => {
    const { as, sessionId } = await given.session({ tools: ['calculator:*'] });
    const answer = await as.post(`/sessions/${sessionId}/messages`, { content: 'What is 12.5 * 4.2?' }).expect(201);
    const { message, run } = answer.json<Sent>();
    expect(message?.role).toBe('assistant');
    expect(message?.content).toContain('52.5');
    expect(message?.toolCalls).toEqual([expect.objectContaining({ name: 'calculator:multiply', output: '52.5' })]);
    expect(run.status).toBe('completed');
    expect(run.usage.outputTokens).toBeGreaterThan(0);
  });

  it('goes on in the conversation and keeps it, oldest first', async () => {
    const { as, sessionId } = await given.session();
    await as.post(`/sessions/${sessionId}/messages`, { content: 'My name is Ada.' }).expect(201);
    const second = await as.post(`/sessions/${sessionId}/messages`, { content: 'What is my name?' }).expect(201);
    expect(second.json<Sent>().message?.content).toContain('Ada');
    const list = (await as.get(`/sessions/${sessionId}/messages`).expect(200)).json<{ data: { role: string }[] }>();
    expect(list.data.map((message) => message.role)).toEqual(['user', 'assistant', 'user', 'assistant']);
    const session = (await as.get(`/sessions/${sessionId}`).expect(200)).json();
    expect(session).toMatchObject({ status: 'active', messageCount: 4 });
  });

  it('answers 201 with the error of a run that fails', async () => {
    const { as, sessionId } = await given.session({ model: 'claude-haiku-4-5' });
    app.upstream.enqueue(failing(400));
    const { message, run } = (
      await as.post(`/sessions/${sessionId}/messages`, { content: 'Hi' }).expect(201)
    ).json<Sent>();
    expect(message).toBeNull();
    expect(run).toMatchObject({ status: 'failed', error: { code: 'external_service_error' } });
    expect((await as.get(`/sessions/${sessionId}`)).json()).toMatchObject({ status: 'active' });
  });
});

describe('the metrics', () => {
  it('count runs by how they ended', async () => {
    const { as, sessionId } = await given.session();
    const completed = async (): Promise<number> => {
      const { text } = await as.get('metrics').expect(200);
      return Number(/^atrium_runs_ended_total\{status="completed"\} (\d+)$/m.exec(text)?.[1] ?? 0);
    };
    const before = await completed();
    await as.post(`/sessions/${sessionId}/messages`, { content: 'Hi' }).expect(201);
    expect(await completed()).toBe(before + 1);
  });
});

describe('a message in the background', () => {
  it('answers 202 at once, and the run can be read until its end', async () => {
    const { as, sessionId } = await given.session();
    const sent = await as.post(`/sessions/${sessionId}/messages`, { content: 'Hello', background: true }).expect(202);
    const { run } = sent.json<Sent>();
    expect(run.status).toBe('queued');
    const events = await allEvents(await as.fetch('GET', `/runs/${run.id}/events`));
    expect(events.at(-1)?.type).toBe('run.completed');
    expect((await as.get(`/runs/${run.id}`).expect(200)).json()).toMatchObject({ status: 'completed' });
  });
});

describe('a streamed message', () => {
  it('shows stored events in order, whose deltas add up to the answer', async () => {
    const { as, sessionId } = await given.session({ tools: ['calculator:*', 'clock:now'] });
    const body = { content: 'What is 2 + 3 and 4 * 5?', stream: true };
    const events = await allEvents(await as.fetch('POST', `/sessions/${sessionId}/messages`, body));
    expect(events.map((event) => event.seq)).toEqual(events.map((_event, index) => index + 1));
    expect(events[0]).toMatchObject({ type: 'run.started', data: { run: { status: 'queued' } } });
    expect(events[1]).toMatchObject({ type: 'message.created' });
    expect(events.filter((event) => event.type === 'tool.call')).toHaveLength(2);
    expect(events.filter((event) => event.type === 'tool.result')).toHaveLength(2);
    const completed = events.find((event) => event.type === 'message.completed')?.data as {
      message: { content: string; id: string };
    };
    const deltas = events
      .filter((event) => event.type === 'message.delta')
      .map((event) => event.data as { text: string });
    expect(deltas.map((delta) => delta.text).join('')).toBe(completed.message.content);
    const last = events.at(-1);
    expect(last).toMatchObject({ type: 'run.completed', data: { run: { status: 'completed', lastSeq: last?.seq } } });
  });

  it('is the same when it is replayed later, and goes on after Last-Event-ID', async () => {
    const { as, sessionId } = await given.session();
    const live = await allEvents(
      await as.fetch('POST', `/sessions/${sessionId}/messages`, { content: 'Hello there', stream: true }),
    );
    const path = `/runs/${live[0]?.runId}/events`;
    expect(await allEvents(await as.fetch('GET', path))).toEqual(live);
    const after = await allEvents(await as.fetch('GET', path, undefined, { 'last-event-id': '2' }));
    expect(after).toEqual(live.slice(2));
  });
});

describe('a busy session', () => {
  it('refuses a second message, and takes one again after a cancel', async () => {
    const { as, sessionId } = await given.session({ model: 'claude-haiku-4-5' });
    app.upstream.enqueue({ silent: true });
    const { calls } = app.upstream;
    const { run } = (
      await as.post(`/sessions/${sessionId}/messages`, { content: 'Hi', background: true }).expect(202)
    ).json<Sent>();
    await eventually(
      () => app.upstream.calls,
      (now) => now > calls,
    );
    expect((await as.get(`/sessions/${sessionId}`)).json()).toMatchObject({ status: 'processing' });
    const refused = await as.post(`/sessions/${sessionId}/messages`, { content: 'Me too' }).expect(409);
    expect(refused.json()).toMatchObject({ code: 'run_in_progress' });
    await as.delete(`/sessions/${sessionId}`).expect(409);
    const cancelled = await as.post(`/runs/${run.id}/cancel`).expect(200);
    expect(cancelled.json()).toMatchObject({ status: 'cancelled' });
    await as.post(`/runs/${run.id}/cancel`).expect(409);
    app.upstream.enqueue(saying('back'));
    const { message } = (
      await as.post(`/sessions/${sessionId}/messages`, { content: 'Again' }).expect(201)
    ).json<Sent>();
    expect(message?.content).toBe('back');
  });
});
