import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

/** A part of the command line: the operator's text, or what a tenant may put there. */
export type StdioArgument = string | { readonly slot: string; readonly pattern: RegExp };

/** A command that tenants may name. */
export interface StdioCommand {
  readonly name: string;
  /** The program's absolute path. */
  readonly program: string;
  readonly args: readonly StdioArgument[];
  readonly env: Readonly<Record<string, string>>;
  /** Null: a folder of the server's own. */
  readonly cwd: string | null;
  readonly memoryMb: number;
  readonly idleMs: number;
  readonly timeoutMs: number | null;
}

export type StdioRegistry = ReadonlyMap<string, StdioCommand>;

const DEFAULTS = { memoryMb: 512, idleMs: 300_000 } as const;
const FIELDS = new Set(['command', 'args', 'env', 'cwd', 'memoryMb', 'idleMs', 'timeoutMs']);
const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin';
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * The operator's file, read once at the start.
 * @throws Error whose message names what is wrong with it
 */
export function readStdioRegistry(file: string): StdioRegistry {
  const entries = parsed(file);
  if (!isObject(entries)) throw new Error('must hold an object of commands by name');
  return new Map(Object.entries(entries).map(([name, entry]) => [name, commandOf(name, entry)]));
}

function parsed(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`can not be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`holds no JSON: ${(error as Error).message}`, { cause: error });
  }
}

function commandOf(name: string, entry: unknown): StdioCommand {
  const fault = (message: string): Error => new Error(`${name}: ${message}`);
  if (!NAME.test(name)) throw fault('a name has letters, digits, dots, dashes and underscores, 64 at most');
  if (!isObject(entry)) throw fault('must be an object');
  const unknown = Object.keys(entry).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) throw fault(`${unknown} is not known`);
  const { command, args = [], env = {}, cwd = null, timeoutMs } = entry;
  if (typeof command !== 'string' || command === '') throw fault('command must be a program');
  if (!Array.isArray(args)) throw fault('args must be a list');
  if (!isObject(env) || !Object.values(env).every((value) => typeof value === 'string'))
    throw fault('env must be an object of texts');
  if (cwd !== null && (typeof cwd !== 'string' || !isFolder(cwd))) throw fault('cwd must be an existing folder');
  const number = (field: 'memoryMb' | 'idleMs' | 'timeoutMs', least: number): number | undefined => {
    const value = entry[field];
    if (value === undefined) return undefined;
    if (!Number.isInteger(value) || (value as number) < least) throw fault(`${field} must be an integer from ${least}`);
    return value as number;
  };
  return {
    name,
    program: programOf(command, (env as Record<string, string>)['PATH'], fault),
    args: args.map((arg: unknown) => argumentOf(arg, fault)),
    env: env as Record<string, string>,
    cwd: cwd === null ? null : resolve(cwd),
    memoryMb: number('memoryMb', 16) ?? DEFAULTS.memoryMb,
    idleMs: number('idleMs', 1) ?? DEFAULTS.idleMs,
    timeoutMs: timeoutMs === undefined ? null : (number('timeoutMs', 100) ?? null),
  };
}

function argumentOf(arg: unknown, fault: (message: string) => Error): StdioArgument {
  if (typeof arg === 'string') return arg;
  if (!isObject(arg) || typeof arg['slot'] !== 'string' || typeof arg['pattern'] !== 'string')
    throw fault('each of args must be a text or {"slot", "pattern"}');
  try {
    return { slot: arg['slot'], pattern: new RegExp(`^(?:${arg['pattern']})$`, 'u') };
  } catch {
    throw fault(`the pattern of ${arg['slot']} is no regular expression`);
  }
}

/** Found once, by the entry's own PATH or the system's, so that nothing is looked up when a tenant calls. */
function programOf(command: string, path: string | undefined, fault: (message: string) => Error): string {
  const places = isAbsolute(command)
    ? [command]
    : command.includes('/')
      ? [resolve(command)]
      : (path ?? SYSTEM_PATH).split(delimiter).map((folder) => join(resolve(folder), command));
  const program = places.find(isProgram);
  if (program === undefined) throw fault(`command ${command} is no program that can be run`);
  return program;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
