import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EverythingServer } from './mcp/everything-server.js';

const SUITE = new URL('../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url).pathname;

let server: EverythingServer;

beforeAll(async () => {
  server = await new EverythingServer().start();
});

afterAll(() => server.stop());

/** What it prints; its exit code says less than that. */
function conformance(...parameters: string[]): Promise<string> {
  return new Promise((resolve) => {
    const options = { timeout: 110_000, maxBuffer: 64 * 1024 * 1024 };
    execFile(process.execPath, [SUITE, ...parameters], options, (error, stdout, stderr) => {
      resolve(`${stdout}${stderr}${error ? `\n${error.name}: ${error.message}` : ''}`);
    });
  });
}

describe('The MCP conformance suite', () => {
  it('has no scenario for servers that the transport of /mcp does not pass', async () => {
    const listed = await conformance('list', '--server');
    const scenarios = [...listed.matchAll(/^ {2}- (\S+)/gm)].map(([, name]) => name);
    expect(scenarios.length).toBeGreaterThan(30);
    const told = await conformance('server', '--url', server.url, '--suite', 'all');
    const results = new Map(
      [...told.matchAll(/^[✓✗] (\S+): (\d+) passed, (\d+) failed/gm)].map(([, name, passed, failed]) => {
        return [name, { passed: Number(passed), failed: Number(failed) }];
      }),
    );
    const broken = scenarios.filter((name) => {
      const { passed, failed } = results.get(name) ?? { passed: 0, failed: 0 };
      return passed === 0 || failed > 0;
    });
    // What was found is in what it printed.
    expect({ broken, told: broken.length > 0 ? told : '' }).toEqual({ broken: [], told: '' });
  }, 120_000);
});
