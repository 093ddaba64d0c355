import { readFile } from 'node:fs/promises';

const LOOK_EVERY_MS = 500;

/** Calls `onExceeded` once when a process and its descendants hold more memory than they may. Only where /proc is. */
export function watchMemory(pid: number, mostBytes: number, onExceeded: () => void): () => void {
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void residentBytes(pid).then((bytes) => {
      looking = false;
      if (bytes <= mostBytes) return;
      clearInterval(timer);
      onExceeded();
    });
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

async function residentBytes(root: number): Promise<number> {
  let bytes = 0;
  const waiting = [root];
  const seen = new Set(waiting);
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    const [status, children] = await Promise.all([
      read(`/proc/${pid}/status`),
      read(`/proc/${pid}/task/${pid}/children`),
    ]);
    bytes += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    for (const child of children.split(' ').filter(Boolean).map(Number)) {
      if (!seen.has(child)) waiting.push(child);
      seen.add(child);
    }
  }
  return bytes;
}

/** Empty where there is none: the process has ended, or the system has no /proc. */
async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
