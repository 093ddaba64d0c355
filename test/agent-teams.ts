import type { AgentTaskDto } from '../src/modules/sessions/agent-tasks/agent-tasks.dto.js';
import type { Conversations, Talk } from './conversations.js';
import type { ToolUse, Waiting } from './waiting-runs.js';

const ALLOWING = { permissionPolicy: { default: 'allow' } };

/** A call that asks an agent. */
export function ask(agent: string, message: string): ToolUse {
  return [`agent__${agent}`, { message }];
}

/** A session with `Chief`, who asks others; they are made by `others`, by name. */
export async function startTeam(
  talks: Conversations,
  tools: string[],
  others: Record<string, object>,
  more: object = {},
): Promise<Talk> {
  const talk = await talks.start({ name: 'Chief', tools, ...ALLOWING, ...more });
  for (const [name, definition] of Object.entries(others))
    await talks.given.agentOf(talk.as, { name, model: talk.model, ...ALLOWING, ...definition });
  return talk;
}

export async function send(talk: Talk, content: string, status: 201 | 202 = 201): Promise<Waiting> {
  return (await talk.as.post(`/sessions/${talk.sessionId}/messages`, { content }).expect(status)).json<Waiting>();
}

/** Its run may go on when this returns. */
export async function sendInBackground(talk: Talk, content: string): Promise<Waiting> {
  const body = { content, background: true };
  return (await talk.as.post(`/sessions/${talk.sessionId}/messages`, body).expect(202)).json<Waiting>();
}

export async function tasksOf({ as }: Talk, runId: string): Promise<AgentTaskDto[]> {
  return (await as.get(`/agent-tasks?runId=${runId}`).expect(200)).json<{ data: AgentTaskDto[] }>().data;
}
