/** The clients of the servers that are measured, in one process: conversations, and requests as fast as they are answered. */
import { setTimeout } from 'node:timers/promises';
import { now, stampIn } from './clock.ts';
import { serveTasks } from './helper.ts';
import { HttpConnection } from './http-connection.ts';
import type { RequestsResult, RequestsTask } from './requests-task.ts';
import type { TurnsResult, TurnsTask, TurnTimes } from './turns-task.ts';

serveTasks((task: TurnsTask | RequestsTask) => (task.kind === 'turns' ? converse(task) : hammer(task)));

async function converse({ url, token, sessions, turns, content, by, spreadMs }: TurnsTask): Promise<TurnsResult> {
  const connections = await Promise.all(sessions.map(() => HttpConnection.open(url, token)));
  const start = now();
  const done = await Promise.all(
    sessions.map(async (session, i) => {
      const path = `/api/v1/sessions/${session}/messages`;
      const times: TurnTimes[] = [];
      const connection = connections[i];
      if (!connection) return times;
      await setTimeout((spreadMs * i) / sessions.length);
      for (let n = 0; n < turns; n++) times.push(await turn(connection, path, { content, stream: by === 'stream' }));
      return times;
    }),
  );
  const elapsed = now() - start;
  for (const connection of connections) connection.close();
  return { elapsed, turns: done.flat() };
}

async function turn(
  connection: HttpConnection,
  path: string,
  body: { content: string; stream: boolean },
): Promise<TurnTimes> {
  const start = now();
  let first = NaN;
  const { status, text } = await connection.request('POST', path, body, (piece) => {
    if (Number.isNaN(first) && piece.includes('event: message.delta')) first = now() - start;
  });
  const end = now();
  const tail = end - stampIn(text);
  const isWhole = body.stream ? text.includes('event: run.completed') && first > 0 : status === 201;
  if (!isWhole || Number.isNaN(tail)) throw new Error(`A turn went wrong: ${status} ${text.slice(-1000)}`);
  return { first, total: end - start, tail };
}

async function hammer(task: RequestsTask): Promise<RequestsResult> {
  const { url, token, method, paths, body, expected, connections: width, ms } = task;
  const connections = await Promise.all(Array.from({ length: width }, () => HttpConnection.open(url, token)));
  const times: number[] = [];
  let next = 0;
  const start = now();
  await Promise.all(
    connections.map(async (connection) => {
      while (now() - start < ms) {
        const asked = now();
        const { status, text } = await connection.request(method, paths[next++ % paths.length] ?? '/', body);
        if (status !== expected) throw new Error(`${method} ${paths[0]} answered ${status}: ${text}`);
        times.push(now() - asked);
      }
    }),
  );
  const elapsed = now() - start;
  for (const connection of connections) connection.close();
  return { elapsed, times };
}
