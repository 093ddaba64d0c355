import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Linux counts processor time in hundredths of a second for whoever reads /proc. */
const MS_PER_TICK = 10;
const hasProc = process.platform === 'linux';

/** User and system time that a process has taken, in ms; elsewhere than on Linux in whole seconds. */
export function cpuMs(pid: number): number {
  if (!hasProc) return secondsOf(ps('time', pid)) * 1000;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name and may hold anything but ends with the last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** Resident memory in MB. */
export function rssMb(pid: number): number {
  const kilobytes = hasProc
    ? /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    : ps('rss', pid);
  return (Number(kilobytes) * 1024) / 1e6;
}

function ps(column: string, pid: number): string {
  return spawnSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).stdout.trim();
}

/** Of `[days-][hours:]minutes:seconds`. */
function secondsOf(time: string): number {
  const units = [1, 60, 3_600, 86_400];
  const parts = time.split(/[-:]/).map(Number).reverse();
  return parts.reduce((total, part, i) => total + part * (units[i] ?? NaN), 0);
}
