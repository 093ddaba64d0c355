import { Atrium, type ServerOptions } from './atrium.ts';
import { Helper } from './helper.ts';
import { Services, type StoreName } from './stores.ts';

const closing: (() => Promise<void>)[] = [];
let closed: Promise<void> | null = null;

/** What is open is closed, also when the benchmark is told to stop. */
export function closeOnSignals(): void {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => void closeAll().finally(() => process.exit(code)));
  }
}

/** What was opened last goes first. Whoever calls it again waits for the same. */
export function closeAll(): Promise<void> {
  return (closed ??= (async () => {
    for (const close of closing.reverse()) await close();
  })());
}

export function onClose(close: () => Promise<void>): void {
  closing.push(close);
}

/** Null where they are not asked for, or can't be had. */
export function openServices(stores: readonly StoreName[]): Services | null {
  if (!stores.includes('pg')) return null;
  const services = Services.open();
  if (services) onClose(() => services.close());
  else say('Postgres and Redis are not to be had here, so the embedded store is measured alone.');
  return services;
}

export async function openHelper(file: string): Promise<Helper> {
  const started = await Helper.start(file);
  onClose(() => started.stop());
  return started;
}

/** One on each store, logged in. `environment`: what they have in common. */
export async function openAtriums(
  stores: readonly StoreName[],
  services: Services | null,
  environment: Record<string, string>,
  options: ServerOptions,
): Promise<Atrium[]> {
  const atriums: Atrium[] = [];
  const open = async (label: string, store: Record<string, string>): Promise<void> => {
    const atrium = new Atrium(label, { ...environment, ...store }, options);
    onClose(() => atrium.close());
    await atrium.start();
    await atrium.open();
    atriums.push(atrium);
  };
  if (services) await open('Postgres + Redis', await services.environment());
  if (!services || stores.includes('embedded')) await open('embedded', {});
  return atriums;
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What `read` makes of the arguments; says what is wrong with them and ends where it throws. */
export function optionsOrExit<T>(read: () => T, usage: string): T {
  try {
    return read();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
    return process.exit(1);
  }
}
