// Runs jest and ends with the plain line "N passed, N failed". Arguments go on to jest; --services demands the
// databases of the TEST_* variables and runs the end-to-end tests alone.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const args = process.argv.slice(2).filter((arg) => arg !== '--services');
if (process.argv.includes('--services')) {
  const missing = ['TEST_DATABASE_URL', 'TEST_MIGRATION_DATABASE_URL', 'TEST_REDIS_URL'].filter((k) => !process.env[k]);
  if (missing.length > 0) {
    console.error(`Not set: ${missing.join(', ')}. Run ".ci/services start" and source the file it names.`);
    process.exit(1);
  }
  args.push('--selectProjects', 'e2e');
}

// Where both stores are tried one after the other, slow files that have little to do with them are tried on one alone.
if (process.env.CI === 'true') {
  const shares = JSON.parse(readFileSync('test/shares.json', 'utf8'));
  const elsewhere = process.argv.includes('--services') ? shares.embedded : shares.servers;
  args.push('--testPathIgnorePatterns', '/node_modules/', ...elsewhere.map((name) => `/test/${name}\\.e2e-spec\\.ts$`));
}

const folder = mkdtempSync(join(tmpdir(), 'atrium-test-'));
const resultFile = join(folder, 'result.json');
const jestBin = fileURLToPath(import.meta.resolve('jest/bin/jest'));
const jest = spawn(
  process.execPath,
  ['--experimental-vm-modules', jestBin, '--json', '--outputFile', resultFile, ...args],
  { stdio: 'inherit', env: { ...process.env, NODE_ENV: 'test' } },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
jest.on('exit', (code, signal) => {
  const { passed, failed } = totals();
  rmSync(folder, { recursive: true, force: true });
  if (passed + failed === 0) console.log('No test was run.');
  console.log(`${passed} passed, ${failed} failed`);
  if (signal) process.exit(128 + constants.signals[signal]);
  process.exit(code !== 0 ? code : passed === 0 || failed > 0 ? 1 : 0);
});

/** A file that could not be loaded counts as one failure, and so does a run that broke off before its report. */
function totals() {
  try {
    const result = JSON.parse(readFileSync(resultFile, 'utf8'));
    return { passed: result.numPassedTests, failed: result.numFailedTests + result.numRuntimeErrorTestSuites };
  } catch {
    return { passed: 0, failed: 1 };
  }
}
