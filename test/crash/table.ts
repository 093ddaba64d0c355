import type { CrashResult } from './crash-test.js';

export const LEGEND = `lost      acknowledged messages whose run, answer or events are not there afterwards, or not as they were shown; must be 0
doubled   answers, ends of runs, stored messages or sessions, effects of a tool that must not be repeated, and model calls
          of stored steps, beyond the one; must be 0
gaps      holes or repetitions in a run's seq, stored or as shown to readers who reconnect; must be 0
wrong     answers no client should get, processes that ended by themselves; must be 0
repeated  model calls made again because the first was in the air when its process died
unknown   tool calls that were under way when their process died: not repeated, the model is told so
take-over from a kill to the first model or tool call of the next holder of the run; a lease lasts 10 s`;

/** One line for each store. */
export function table(results: Map<string, CrashResult>): string {
  const head = ['', 'runs', 'kills', 'of them starting', 'accidents', 'lost', 'doubled', 'gaps', 'wrong'].concat([
    'repeated',
    'unknown',
    'take-overs',
    'p50',
    'p95',
    'max',
  ]);
  const rows = [...results].map(([name, result]) => {
    const count = (kind: string): number => result.faults.filter((fault) => fault.kind === kind).length;
    const starting = result.kills.filter(({ wasStarting }) => wasStarting).length;
    const times = result.takeOversMs.toSorted((a, b) => a - b);
    const at = (part: number): string => seconds(times[Math.ceil(times.length * part) - 1]);
    return [
      name,
      ...[result.runs, result.kills.length, starting, result.accidents],
      ...['lost', 'doubled', 'gap', 'wrong'].map(count),
      ...[result.repeatedCalls, result.unknownOutcomes, times.length, at(0.5), at(0.95), at(1)],
    ].map(String);
  });
  const lines = [head, head.map(() => '---'), ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`)
    .join('\n');
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '' : `${(ms / 1000).toFixed(1)} s`;
}
