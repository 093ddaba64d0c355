/** Who calls tools, in one process: bare clients of the MCP SDK, clients of Atrium, and the model that asks for tools in runs. */
import { BareTool } from './bare-tools.ts';
import { now } from './clock.ts';
import { serveTasks } from './helper.ts';
import { HttpConnection } from './http-connection.ts';
import { ToolModel } from './tool-model.ts';
import { ToolTimes } from './tool-times.ts';
import {
  WAYS,
  type OpenResult,
  type PairTimes,
  type RateResult,
  type RunTimes,
  type ToolsTask,
  type Way,
} from './tools-task.ts';

type Task<K extends ToolsTask['kind']> = Extract<ToolsTask, { kind: K }>;

const model = new ToolModel();
const bare = new Map<Way, BareTool>();

serveTasks((task: ToolsTask): Promise<unknown> => {
  switch (task.kind) {
    case 'open':
      return open(task);
    case 'pairs':
      return pairs(task);
    case 'rate':
      return rate(task);
    case 'runs':
      return runs(task);
  }
});

async function open({ server, command }: Task<'open'>): Promise<OpenResult> {
  for (const way of WAYS) bare.set(way, await BareTool.open(way, server, command));
  return { model: await model.listen() };
}

async function pairs({ way, url, token, body, calls }: Task<'pairs'>): Promise<PairTimes> {
  const connection = await HttpConnection.open(url, token);
  const times: PairTimes = { bare: [], atrium: [] };
  for (let n = 0; n < calls; n++) {
    times.atrium.push(await execute(connection, body));
    times.bare.push(await bareTool(way).call());
  }
  connection.close();
  return times;
}

async function rate({ way, by, url, token, body, width, ms }: Task<'rate'>): Promise<RateResult> {
  const connections = await Promise.all(Array.from({ length: width }, () => HttpConnection.open(url, token)));
  let calls = 0;
  const start = now();
  await Promise.all(
    connections.map(async (connection) => {
      for (; now() - start < ms; calls++) await (by === 'bare' ? bareTool(way).call() : execute(connection, body));
    }),
  );
  const elapsed = now() - start;
  for (const connection of connections) connection.close();
  return { calls, elapsed };
}

async function runs({ sessions, ...task }: Task<'runs'>): Promise<RunTimes> {
  const start = now();
  const all = await Promise.all(sessions.map((session) => run(session, task)));
  const elapsed = now() - start;
  return {
    elapsed,
    bare: all.flatMap((times) => times.bare),
    atrium: all.flatMap((times) => times.atrium),
    steps: all.flatMap((times) => times.steps),
  };
}

async function run(session: string, task: Omit<Task<'runs'>, 'sessions'>): Promise<Omit<RunTimes, 'elapsed'>> {
  const { way, url, token, tool, turns, width, isPaired } = task;
  const bareTimes: number[] = [];
  const before = async (): Promise<void> => {
    if (isPaired) bareTimes.push(await bareTool(way).call(width));
  };
  const { content, part } = model.plan({ tool, turns, width, before });
  const times = new ToolTimes(width);
  const connection = await HttpConnection.open(url, token);
  const body = { content, stream: true };
  const { text } = await connection.request('POST', `/api/v1/sessions/${session}/messages`, body, (piece) =>
    times.read(piece),
  );
  connection.close();
  if (!text.includes('event: run.completed') || text.includes('"isError":true') || times.turns.length !== turns)
    throw new Error(`A run went wrong: ${text.slice(-1000)}`);
  return { bare: bareTimes, atrium: times.turns, steps: part.steps };
}

async function execute(connection: HttpConnection, body: object): Promise<number> {
  const start = now();
  const { status, text } = await connection.request('POST', '/api/v1/mcp/execute', body);
  const end = now();
  if (status !== 200 || !text.includes('"isError":false')) throw new Error(`A call answered ${status}: ${text}`);
  return end - start;
}

function bareTool(way: Way): BareTool {
  const tool = bare.get(way);
  if (!tool) throw new Error('Nothing was opened yet');
  return tool;
}
