import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

export type ServerProcess = ChildProcessByStdio<Writable, Readable, Readable>;

/** Leaders of groups that are alive. */
const groups = new Set<number>();
let watchesExit = false;
let wrapping: string[] | undefined;

interface Launch {
  program: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
}

/** Without a shell, as the leader of a group of its own that ends with this process, however that ends. */
export function startGroup({ program, args, env, cwd }: Launch): ServerProcess {
  wrapping ??= [...wrapper('/usr/bin/setpriv', '--pdeathsig', 'KILL', '--no-new-privs'), ...limits()];
  const [command = program, ...rest] = [...wrapping, program, ...args];
  const child = spawn(command, rest, { cwd, env, detached: true, shell: false, stdio: ['pipe', 'pipe', 'pipe'] });
  const { pid } = child;
  if (pid === undefined) return child;
  groups.add(pid);
  if (!watchesExit) process.on('exit', killAll);
  watchesExit = true;
  child.once('exit', () => {
    // What it has left behind goes with it.
    killGroup(pid);
    groups.delete(pid);
  });
  return child;
}

export function killGroup(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (!groups.has(pid)) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in it.
  }
}

function killAll(): void {
  for (const pid of groups) killGroup(pid);
}

function limits(): string[] {
  return wrapper('/usr/bin/prlimit', '--core=0', '--nofile=1024', '--fsize=4294967296');
}

/** Programs that change something and become the next one; empty where this system has not got them. */
function wrapper(program: string, ...args: string[]): string[] {
  const known = spawnSync(program, [...args, '/bin/true'], { stdio: 'ignore' }).status === 0;
  return known ? [program, ...args] : [];
}
