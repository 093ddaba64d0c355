import { cpus, loadavg, totalmem } from 'node:os';

/** The machine in one line, with how busy it was before. */
export function machine(postgres: string | null): string {
  const all = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const cpu = `${all[0]?.model.trim() ?? 'unknown processor'}, ${all.length} cores, ${gigabytes} GB`;
  const load = `load ${loadavg()[0]?.toFixed(1) ?? ''} before`;
  return [cpu, `Node ${process.versions.node}`, ...(postgres ? [postgres] : []), load].join(', ');
}
