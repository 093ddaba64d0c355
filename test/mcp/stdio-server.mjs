// An MCP server over stdio that misbehaves when asked to. Without the SDK, which would not let it.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const write = (text) => process.stdout.write(text);
const send = (message) => write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const text = (words) => ({ content: [{ type: 'text', text: String(words) }] });

const TOOLS = {
  environment: () => text(JSON.stringify(process.env)),
  folder: () => text(process.cwd()),
  arguments: () => text(JSON.stringify(process.argv.slice(2))),
  pid: () => text(process.pid),
  /** A child that would outlive it. */
  child: () => text(spawn('/bin/sleep', ['600'], { stdio: 'ignore' }).pid),
  flood: () => {
    // 50 MB without a line's end.
    const part = 'x'.repeat(1024 * 1024);
    for (let n = 0; n < 50; n++) write(part);
  },
  lines: () => {
    const line = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { data: 'x'.repeat(1e6) } });
    for (let n = 0; n < 50; n++) write(`${line}\n`);
  },
  asks: () => {
    // Without ever reading what it is told.
    lines.pause();
    process.stdin.pause();
    setInterval(() => undefined, 60_000);
    for (let n = 0; n < 2_000; n++) send({ id: `${n}-${'x'.repeat(1_000)}`, method: 'ping' });
  },
  garbage: () => write('{"this is": not JSON\n'),
  nonsense: () => write('{"almost": "JSON-RPC"}\n'),
  die: () => process.exit(3),
  hang: () => undefined,
  fat: () => {
    const kept = [];
    setInterval(() => kept.push(Buffer.alloc(64 * 1024 * 1024, 1)), 20);
  },
  deaf: () => {
    process.on('SIGTERM', () => undefined);
    return text(process.pid);
  },
};

const [mode] = process.argv.slice(2);
if (mode === 'greets') write('Welcome to the server!\n');
if (mode === 'complains') {
  process.stderr.write('no licence\n');
  process.exit(1);
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === 'initialize') {
    const serverInfo = { name: 'odd', version: '1.0.0' };
    send({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo } });
  } else if (method === 'tools/list') {
    const tools = Object.keys(TOOLS).map((name) => ({ name, description: name, inputSchema: { type: 'object' } }));
    send({ id, result: { tools } });
  } else if (method === 'ping') {
    send({ id, result: {} });
  } else if (method === 'tools/call') {
    const result = TOOLS[params.name]();
    if (result) send({ id, result });
  }
});
