const OLDEST = 24;

/** Ends the process with one clear line on a Node that is too old to run the rest. */
export function requireNode(version: string): void {
  if (Number(version.split('.')[0]) >= OLDEST) return;
  process.stderr.write(`Atrium needs Node ${OLDEST} or newer, this is ${version}\n`);
  process.exit(1);
}
