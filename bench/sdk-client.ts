/** The bare SDK, streaming straight from the upstream: what Atrium's times are compared with. */
import { setTimeout } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import { now, stampIn } from './clock.ts';
import { serveTasks } from './helper.ts';
import type { TurnsResult, TurnsTask, TurnTimes } from './turns-task.ts';

async function turn(client: Anthropic, content: string): Promise<TurnTimes> {
  const start = now();
  let first = NaN;
  let last = '';
  const stream = await client.messages.create({
    model: 'claude-haiku-4-5',
    max_tokens: 1024,
    messages: [{ role: 'user', content }],
    stream: true,
  });
  for await (const event of stream) {
    if (event.type !== 'content_block_delta' || event.delta.type !== 'text_delta') continue;
    if (Number.isNaN(first)) first = now() - start;
    last = event.delta.text;
  }
  const end = now();
  return { first, total: end - start, tail: end - stampIn(last) };
}

serveTasks(async ({ url, content, turns, sessions, spreadMs }: TurnsTask): Promise<TurnsResult> => {
  const client = new Anthropic({ baseURL: url, apiKey: 'bench', maxRetries: 0 });
  const start = now();
  const done = await Promise.all(
    sessions.map(async (_session, begun) => {
      const times: TurnTimes[] = [];
      await setTimeout((spreadMs * begun) / sessions.length);
      for (let i = 0; i < turns; i++) times.push(await turn(client, content));
      return times;
    }),
  );
  return { elapsed: now() - start, turns: done.flat() };
});
