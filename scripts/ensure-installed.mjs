// Runs before anything is installed and on whatever Node the system has: no dependencies, nothing newer than Node 18.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const stampFile = 'node_modules/.installed-from';
const bundledNode = 'node_modules/.bin/node';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== lock) install();

function install() {
  const startedAt = Date.now();
  console.error('Installing dependencies (about a minute the first time) …');
  // --no-save: on a platform other than the lock's author's npm would rewrite the lock.
  // --include=dev: the build needs them even under NODE_ENV=production.
  const args = [
    'install',
    '--no-save',
    '--include=dev',
    '--no-audit',
    '--no-fund',
    '--no-progress',
    '--loglevel=error',
  ];
  const { status, error } = spawnSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (error) fail(`npm could not be started: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
  const hasNode24 = Number(process.versions.node.split('.')[0]) >= 24 || existsSync(bundledNode);
  if (!hasNode24) fail('Node 24 is needed. The "node" package brings it, unless npm runs with --ignore-scripts.');
  writeFileSync(stampFile, lock);
  console.error(`Installed in ${Math.round((Date.now() - startedAt) / 1000)} s.`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
