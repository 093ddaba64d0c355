export const WAYS = ['in-process', 'stdio', 'http'] as const;
/** How a tool's server is reached. */
export type Way = (typeof WAYS)[number];

/** Of every call. */
export const INPUT = { a: 20, b: 22 };
export const ANSWER = '42';

/** What the tool-caller is asked for. `url` and `token` are Atrium's. */
export type ToolsTask = OpenTask | PairsTask | RateTask | RunsTask;

/** Comes first. */
interface OpenTask {
  kind: 'open';
  /** The tool's server over HTTP. */
  server: string;
  /** Its command for stdio. */
  command: { program: string; args: string[] };
}

export interface OpenResult {
  /** Where the model is. */
  model: string;
}

/** One call each in turn, nothing else at the same time. */
interface PairsTask {
  kind: 'pairs';
  way: Way;
  url: string;
  token: string;
  /** What `POST /mcp/execute` is sent. */
  body: object;
  calls: number;
}

/** As many calls as there can be in the time. */
interface RateTask {
  kind: 'rate';
  way: Way;
  by: 'bare' | 'execute';
  url: string;
  token: string;
  body: object;
  /** At once. */
  width: number;
  ms: number;
}

/** A run in each session, all at once, in which the model asks for the tool again and again. */
interface RunsTask {
  kind: 'runs';
  way: Way;
  url: string;
  token: string;
  /** As the model knows it. */
  tool: string;
  sessions: string[];
  /** Model calls that ask for the tool, of each run. */
  turns: number;
  /** Calls that one of them asks for. */
  width: number;
  /** Before each turn as many calls are made by the bare client. */
  isPaired: boolean;
}

/** Times in ms, of each call or turn. */
export interface PairTimes {
  bare: number[];
  atrium: number[];
}

export interface RunTimes extends PairTimes {
  /** From the model's answer to the next request to it. */
  steps: number[];
  /** From the first request to the last answer. */
  elapsed: number;
}

export interface RateResult {
  calls: number;
  elapsed: number;
}
