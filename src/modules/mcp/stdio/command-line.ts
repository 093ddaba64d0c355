import type { StdioCommand } from './stdio-registry.js';

/** Stands for the server's working directory, in what the operator has written. */
const CWD = '{cwd}';
const LONGEST_VALUE = 1_000;

/** The slots that a tenant fills, in their order. */
function slotsOf({ args }: StdioCommand): { slot: string; pattern: RegExp }[] {
  return args.filter((arg) => typeof arg !== 'string');
}

/** Why these values may not fill the command's slots; null where they may. */
export function slotFault(command: StdioCommand, values: readonly string[]): string | null {
  const slots = slotsOf(command);
  if (values.length !== slots.length) {
    const names = slots.map(({ slot }) => slot).join(', ');
    return `args must be ${slots.length} for ${command.name}${names === '' ? '' : ` (${names})`}`;
  }
  for (const [index, { slot, pattern }] of slots.entries()) {
    const value = values[index] ?? '';
    if (value.length > LONGEST_VALUE || value.includes('\0') || !pattern.test(value))
      return `args: ${slot} does not fit what ${command.name} takes there`;
  }
  return null;
}

/** `values` have been found to fit. They are never looked into for anything that the operator's own texts may hold. */
export function argumentsOf({ args }: StdioCommand, values: readonly string[], cwd: string): string[] {
  const left = [...values];
  return args.map((arg) => (typeof arg === 'string' ? arg.replaceAll(CWD, () => cwd) : (left.shift() ?? '')));
}

/** Nothing of this process's own environment, which holds secrets. */
export function environmentOf({ env, memoryMb }: StdioCommand, cwd: string): Record<string, string> {
  const given = Object.entries(env).map(([name, value]) => [name, value.replaceAll(CWD, () => cwd)]);
  const heap = `--max-old-space-size=${Math.floor(memoryMb * 0.75)}`;
  const options = env['NODE_OPTIONS'] === undefined ? heap : `${env['NODE_OPTIONS']} ${heap}`;
  return {
    HOME: cwd,
    LANG: 'C.UTF-8',
    ...(Object.fromEntries(given) as Record<string, string>),
    NODE_OPTIONS: options,
  };
}
