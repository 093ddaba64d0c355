import type { RunEnvelope } from '../src/contracts/live-events.js';
import type { PermissionDto } from '../src/modules/sessions/permissions/permissions.dto.js';
import type { RunDto } from '../src/modules/sessions/runs/runs.dto.js';
import type { TestApp } from './app.js';
import type { Client } from './client.js';
import type { Talk } from './conversations.js';
import { allEvents } from './sse.js';
import { told, type Told } from './told.js';
import { saying, type Reply } from './upstream/reply.js';

export interface Waiting {
  run: RunDto;
  pendingPermissions: PermissionDto[];
  pendingToolCalls: { toolUseId: string; name: string; input: Record<string, unknown> }[];
}

export type ToolUse = [name: string, input?: Record<string, unknown>];

/** One turn of the model, with these calls. */
export function calling(...calls: ToolUse[]): Reply {
  return { steps: calls.map(([name, input]) => ({ toolUse: { name, input } })) };
}

/** Asks, has the model make these calls, and expects the run to wait. */
export async function askAndWait(
  app: TestApp,
  talk: Pick<Talk, 'as' | 'sessionId'>,
  ...calls: ToolUse[]
): Promise<Waiting> {
  app.upstream.enqueue(calling(...calls), saying('So'));
  return (await talk.as.post(`/sessions/${talk.sessionId}/messages`, { content: 'Hi' }).expect(202)).json<Waiting>();
}

/** The run to its end, by its events. */
export async function toTheEnd(as: Client, runId: string): Promise<Told> {
  return told(await allEvents(await as.fetch('GET', `/runs/${runId}/events`)));
}

export function dataOf<T>(events: readonly RunEnvelope[], type: string): T[] {
  return events.filter((event) => event.type === type).map(({ data }) => data as T);
}
