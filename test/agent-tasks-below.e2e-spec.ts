import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PermissionDto } from '../src/modules/sessions/permissions/permissions.dto.js';
import { ask, sendInBackground, startTeam } from './agent-teams.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels } from './conversations.js';
import { ProbeTools } from './probe-tools.js';
import { eventsOf } from './sse.js';
import type { MessagesRequest } from './upstream/messages-api.js';
import { lastUserText } from './upstream/messages-api.js';
import { saying, type Reply } from './upstream/reply.js';
import { calling } from './waiting-runs.js';

let app: TestApp;
let talks: Conversations;
/** What the model answers to whoever says this last. */
const script = new Map<string, Reply[]>();

beforeAll(async () => {
  app = await startApp(manyModels());
  new ProbeTools(app);
  talks = new Conversations(app);
  app.upstream.respond = (request: MessagesRequest) =>
    script.get(lastUserText(request))?.shift() ?? saying(`No script for ${lastUserText(request)}`);
}, 60_000);
afterEach(() => script.clear());
afterAll(() => app.close());

const ASKING = { tools: ['probe:*'], permissionPolicy: { default: 'ask' } };
const say = (words: string) => calling(['probe__say', { words }]);

describe('Whoever looks on at the top', () => {
  it('is shown all that is asked two below, and what was said to it, while one of them waits', async () => {
    const talk = await startTeam(talks, ['agent:Mid'], { Mid: { tools: ['agent:*'] }, One: ASKING, Two: ASKING });
    script.set('Plan', [calling(ask('Mid', 'Split')), saying('All done')]);
    script.set('Split', [calling(ask('One', 'one?'), ask('Two', 'two?')), saying('Both done')]);
    script.set('one?', [say('first'), saying('1')]);
    script.set('two?', [{ ...say('second'), delayMs: 700 }, saying('2')]);
    const { run } = await sendInBackground(talk, 'Plan');
    const seen: [type: string, words: unknown][] = [];
    for await (const { type, data } of eventsOf(await talk.as.fetch('GET', `/runs/${run.id}/events`))) {
      if (!type.startsWith('permission.')) continue;
      const { permission } = data as { permission: PermissionDto };
      seen.push([type, permission.input['words']]);
      // Each is answered when the one before is shown to be: the last word is said when all else is seen.
      if (seen.length < 2 || seen.length > 3) continue;
      const pending = (await talk.as.get('/permissions?status=pending').expect(200)).json<{ data: PermissionDto[] }>();
      const next = pending.data.find(({ input }) => input['words'] === (seen.length === 2 ? 'first' : 'second'));
      await talk.as.post(`/permissions/${next?.id}`, { decision: 'allow' }).expect(200);
    }
    expect(seen).toEqual([
      ...[
        ['permission.requested', 'first'],
        ['permission.requested', 'second'],
      ],
      ...[
        ['permission.decided', 'first'],
        ['permission.decided', 'second'],
      ],
    ]);
  });
});
