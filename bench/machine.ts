import { cpus, totalmem } from 'node:os';

/** The machine in one line. */
export function machine(postgres: string | null): string {
  const all = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const cpu = `${all[0]?.model.trim() ?? 'unknown processor'}, ${all.length} cores, ${gigabytes} GB`;
  return [cpu, `Node ${process.versions.node}`, ...(postgres ? [postgres] : [])].join(', ');
}
