import type { MessageDto } from '../../src/modules/sessions/messages/messages.dto.js';
import type { RunDto } from '../../src/modules/sessions/runs/runs.dto.js';
import { allEvents } from '../sse.js';
import type { Conversation, Sent } from './conversations.js';
import type { Door } from './door.js';
import type { Fault, Stored } from './judge.js';

/** What is stored of all that was sent, and what is not there at all or there twice. */
export async function readBack(
  door: Door,
  conversations: readonly Conversation[],
): Promise<{ stored: Map<Sent, Stored>; faults: Fault[] }> {
  const stored = new Map<Sent, Stored>();
  const faults: Fault[] = [];
  const titles = await sessionTitles(door);
  for (const { sessions } of conversations) {
    for (const { title } of sessions) {
      const times = titles.filter((one) => one === title).length;
      if (times === 0) faults.push({ kind: 'lost', what: `The session ${title} is not there` });
      if (times > 1) faults.push({ kind: 'doubled', what: `The session ${title} is there ${times} times` });
    }
  }
  for (const conversation of conversations) {
    for (const [sessionId, list] of Map.groupBy(conversation.sent, (sent) => sent.sessionId)) {
      const messages = await read<{ data: MessageDto[] }>(door, `/sessions/${sessionId}/messages?limit=100`);
      const runs = await read<{ data: RunDto[] }>(door, `/sessions/${sessionId}/runs?limit=100`);
      if (runs && runs.data.length > list.length)
        faults.push({
          kind: 'doubled',
          what: `${list.length} messages of session ${sessionId} made ${runs.data.length} runs`,
        });
      for (const sent of list) {
        const kept = messages && sent.runId && (await storedOf(door, sent.runId, messages.data));
        if (kept) stored.set(sent, kept);
        else faults.push({ kind: 'lost', what: `Nothing is stored of ${sent.words}` });
      }
    }
  }
  return { stored, faults };
}

async function storedOf(door: Door, runId: string, messages: MessageDto[]): Promise<Stored | null> {
  const run = await read<RunDto>(door, `/runs/${runId}`);
  if (!run) return null;
  const response = await door
    .client()
    .fetch('GET', `/runs/${runId}/events`, undefined, {}, AbortSignal.timeout(10_000));
  return { run, messages, events: await allEvents(response) };
}

async function sessionTitles(door: Door): Promise<string[]> {
  const titles: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: { data: { title: string }[]; nextCursor: string | null } | null = await read(
      door,
      `/sessions?limit=100${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    titles.push(...(page?.data ?? []).map(({ title }) => title));
    cursor = page?.nextCursor ?? null;
  }
  return titles;
}

async function read<T>(door: Door, path: string): Promise<T | null> {
  const answer = await door.ask('GET', path);
  return answer.status === 200 ? answer.json<T>() : null;
}
