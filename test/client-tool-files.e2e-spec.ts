import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { MessageDto } from '../src/modules/sessions/messages/messages.dto.js';
import { faultyFields } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { pdf, png, upload } from './sample-files.js';
import { saying } from './upstream/reply.js';
import { askAndWait, toTheEnd } from './waiting-runs.js';

const LOOK = { name: 'look', description: 'Shows the screen', inputSchema: { type: 'object' } };

let app: TestApp;
let talks: Conversations;

beforeAll(async () => {
  app = await startApp(manyModels());
  talks = new Conversations(app);
}, 60_000);
afterEach(() => app.upstream.reset());
afterAll(() => app.close());

/** A session whose application can look at the screen, and a run of it that waits for what it sees. */
async function looking(): Promise<{ talk: Talk; runId: string; toolUseId: string }> {
  const talk = await talks.start({ resourceLimits: { maxTokens: null } });
  const made = await talk.as.post('/sessions', { agentId: talk.agentId, clientTools: [LOOK] }).expect(201);
  const mine = { ...talk, sessionId: made.json<{ id: string }>().id };
  const { run, pendingToolCalls } = await askAndWait(app, mine, ['client__look', {}]);
  return { talk: mine, runId: run.id, toolUseId: pendingToolCalls[0]?.toolUseId ?? '' };
}

const sentBlocks = (talk: Talk) =>
  talks
    .sent(talk.model)
    .at(-1)
    ?.messages.flatMap(({ role, content }) => (role === 'user' && typeof content !== 'string' ? content : []))
    .map((block) => ({ ...block, cache_control: undefined }));

describe("What an application gives as a tool's result", () => {
  it('may be images and documents, which the model is shown at once and later', async () => {
    const { talk, runId, toolUseId } = await looking();
    const [picture, report] = [png(30, 20), pdf('Quarterly report')];
    const [image, paper] = await Promise.all([
      upload(talk.as, picture, 'screen.png'),
      upload(talk.as, report, 'report.pdf'),
    ]);
    const content = [
      { type: 'text', text: 'This is seen' },
      { type: 'image', fileId: image.id },
      { type: 'document', fileId: paper.id },
    ];
    await talk.as.post(`/runs/${runId}/tool-results`, { toolUseId, content }).expect(200);
    const output = 'This is seen\n[image screen.png]\n[document report.pdf]';
    const end = await toTheEnd(talk.as, runId);
    expect(end).toMatchObject({ run: { status: 'completed' }, results: [{ isError: false, output }] });
    const base64 = (media_type: string, data: Buffer) => ({
      ...{ type: 'base64', media_type, data: data.toString('base64') },
    });
    const result = [
      expect.objectContaining({ type: 'tool_result', tool_use_id: toolUseId, content: output }),
      { type: 'text', text: `[What the call ${toolUseId} of client:look gave]` },
      { type: 'image', source: base64('image/png', picture) },
      { type: 'document', title: 'report.pdf', source: base64('application/pdf', report) },
    ];
    expect(sentBlocks(talk)).toEqual([{ type: 'text', text: 'Hi' }, ...result]);
    const list = (await talk.as.get(`/sessions/${talk.sessionId}/messages`)).json<{ data: MessageDto[] }>().data;
    expect(list.at(-1)?.toolCalls).toMatchObject([{ name: 'client:look', output, files: content.slice(1) }]);
    await talks.ask(talk, [saying('Still')], { content: 'And now?' });
    expect(sentBlocks(talk)).toEqual([{ type: 'text', text: 'Hi' }, ...result, { type: 'text', text: 'And now?' }]);
    // Who sees the session sees its files.
    await talk.as.patch(`/sessions/${talk.sessionId}`, { visibility: 'tenant' }).expect(200);
    const member = await talks.given.member(talk, 'member');
    await member.as.get(`/files/${image.id}/content`).expect(200);
  });

  it('names files of the caller, as what they are, and waits on where it does not', async () => {
    const { talk, runId, toolUseId } = await looking();
    const other = await talks.given.tenant();
    const [theirs, paper] = await Promise.all([upload(other.as, png(), 'a.png'), upload(talk.as, pdf('x'), 'x.pdf')]);
    const bad: [object, string][] = [
      [{ type: 'image', fileId: theirs.id }, 'content[0].fileId'],
      [{ type: 'image', fileId: paper.id }, 'content[0].fileId'],
      [{ type: 'image', fileId: 'x' }, 'content[0].fileId'],
      [{ type: 'image' }, 'content[0].fileId'],
      [{ type: 'text' }, 'content[0].text'],
      [{ type: 'tool_use', id: 'x' }, 'content[0].type'],
    ];
    for (const [block, field] of bad) {
      const answer = await talk.as.post(`/runs/${runId}/tool-results`, { toolUseId, content: [block] }).expect(422);
      expect(faultyFields(answer)).toContain(field);
    }
    await talk.as.post(`/runs/${runId}/tool-results`, { toolUseId, content: [] }).expect(200);
    const end = await toTheEnd(talk.as, runId);
    expect(end).toMatchObject({ run: { status: 'completed' }, results: [{ isError: false, output: '' }] });
  });
});
