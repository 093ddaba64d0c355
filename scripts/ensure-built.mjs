// Builds when something in the sources is newer than the last build that succeeded; always with --force.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const stampFile = 'dist/.built';
const inputs = ['tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', 'package-lock.json'];

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
if (process.argv.includes('--force') || lastChange() > (changedAt(stampFile) ?? 0)) build();

function build() {
  const startedAt = new Date();
  const nest = fileURLToPath(import.meta.resolve('@nestjs/cli/bin/nest.js'));
  console.error('Building …');
  const { status } = spawnSync(process.execPath, [nest, 'build'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(stampFile, '');
  // An edit made while the compiler ran has to count as newer.
  utimesSync(stampFile, startedAt, startedAt);
}

function lastChange() {
  // The folders count too: theirs is the time that moves when a file is deleted.
  const sources = readdirSync('src', { recursive: true }).map((name) => join('src', name));
  return Math.max(...[...inputs, 'src', ...sources].map((path) => changedAt(path) ?? 0));
}

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
