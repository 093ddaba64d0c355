import type { Atrium } from './atrium.ts';
import type { Helper } from './helper.ts';
import type { Options } from './options.ts';
import type { Services } from './stores.ts';
import type { TurnsResult } from './turns-task.ts';

/** What all parts of a benchmark share. */
export interface Bench {
  options: Options;
  services: Services | null;
  upstream: Helper;
  load: Helper;
  sdk: Helper;
  atriums: Atrium[];
}

interface Talk {
  sessions: number;
  /** In each session. */
  turns: number;
  content: string;
  spreadMs?: number;
}

/** As many new conversations at once, through Atrium. */
export async function talkTo(bench: Bench, atrium: Atrium, talk: Talk, by: 'stream' | 'wait'): Promise<TurnsResult> {
  const { url, token } = atrium;
  const sessions = await atrium.sessions(talk.sessions);
  return bench.load.ask({ kind: 'turns', url, token, spreadMs: 0, ...talk, sessions, by });
}

/** The same by the bare SDK. */
export async function talkBare({ sdk, upstream }: Bench, talk: Talk): Promise<TurnsResult> {
  const sessions = Array.from({ length: talk.sessions }, String);
  return sdk.ask({ kind: 'turns', url: upstream.url, token: '', spreadMs: 0, ...talk, sessions, by: 'stream' });
}
