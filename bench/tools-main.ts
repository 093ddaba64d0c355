/** The benchmark of tools: `npm run bench:tools -- --help`. Ends with 0 whatever was reached, and otherwise only if something broke. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Atrium } from './atrium.ts';
import { now } from './clock.ts';
import { machine } from './machine.ts';
import {
  closeAll,
  closeOnSignals,
  onClose,
  openAtriums,
  openHelper,
  openServices,
  optionsOrExit,
  say,
} from './opened.ts';
import { ToolMeasurement, type MeasuredTool } from './part-tools.ts';
import { markdownCells, plainCells } from './table.ts';
import { LATENCY_HEAD, latencyCells, RATE_HEAD, rateCells } from './tools-table.ts';
import { readToolsOptions, TOOLS_USAGE, type ToolsOptions } from './tools-options.ts';
import type { OpenResult, Way } from './tools-task.ts';

const COMMAND = { program: process.execPath, args: [join(import.meta.dirname, 'tool-server.ts'), '--stdio'] };
/** Both levels look at the call's input before they let it pass. */
const POLICY = { default: 'deny', rules: [{ tool: '*:add', arguments: { '$.a': '*' }, action: 'allow' }] };

closeOnSignals();
const args = process.argv.slice(2);
if (args.includes('--help')) say(TOOLS_USAGE);
else await run(optionsOrExit(() => readToolsOptions(args), TOOLS_USAGE)).finally(closeAll);

async function run(options: ToolsOptions): Promise<void> {
  const begin = now();
  const services = openServices(options.stores);
  const before = machine((await services?.describe()) ?? null);
  const server = await openHelper('tool-server.ts');
  const caller = await openHelper('tool-caller.ts');
  const { model } = await caller.ask<OpenResult>({ kind: 'open', server: server.url, command: COMMAND });
  const environment = {
    ANTHROPIC_BASE_URL: model,
    EGRESS_ALLOW: '127.0.0.0/8',
    MCP_STDIO_REGISTRY: writeRegistry(),
  };
  const atriums = await openAtriums(options.stores, services, environment, options);
  const [latencies, rates] = [[LATENCY_HEAD], [RATE_HEAD]];
  for (const atrium of atriums) {
    await atrium.ask('PATCH', '/tenant', { permissionPolicy: POLICY });
    for (const way of options.ways) {
      say(`${atrium.label}, ${way} … (at ${Math.round((now() - begin) / 1000)} s)`);
      await atrium.login();
      const measurement = new ToolMeasurement(caller, options, await toolOf(atrium, way, server.url));
      await measurement.warmUp();
      const at = `${atrium.label}, ${way}`;
      for (const latency of await measurement.latencies())
        latencies.push(latencyCells(at, latency, !atrium.isEmbedded));
      for (const rate of await measurement.rates()) rates.push(rateCells(at, rate));
    }
  }
  const where = `${before}, ${loadavg()[0]?.toFixed(1) ?? ''} after`;
  say(`\nTook ${Math.round((now() - begin) / 1000)} s on: ${where}\n`);
  say([plainCells(latencies), plainCells(rates)].join('\n\n'));
  if (options.hasMarkdown) say(['', where, markdownCells(latencies), markdownCells(rates)].join('\n\n'));
}

/** What an operator writes, for tenants to name. */
function writeRegistry(): string {
  const folder = mkdtempSync(join(tmpdir(), 'atrium-bench-tools-'));
  onClose(async () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'commands.json');
  writeFileSync(file, JSON.stringify({ add: { command: COMMAND.program, args: COMMAND.args } }));
  return file;
}

async function toolOf(atrium: Atrium, way: Way, url: string): Promise<MeasuredTool> {
  const server = way === 'in-process' ? 'calculator' : `bench-${way}`;
  const serverId = way === 'in-process' ? server : await serverOf(atrium, server, way, url);
  const name = `${server}:add`;
  const agent = { name: `Bench ${way}`, model: 'claude-haiku-4-5', tools: [name], permissionPolicy: POLICY };
  const { id: agentId } = await atrium.ask<{ id: string }>('POST', '/agents', agent);
  return { atrium, way, serverId, name, agentId };
}

async function serverOf(atrium: Atrium, name: string, way: 'stdio' | 'http', url: string): Promise<string> {
  const where = way === 'http' ? { url } : { command: 'add' };
  const { id } = await atrium.ask<{ id: string }>('POST', '/mcp/servers', { name, transport: way, ...where });
  await atrium.ask('GET', `/mcp/servers/${id}/discover`);
  return id;
}
