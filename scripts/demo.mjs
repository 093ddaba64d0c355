// Starts Atrium on its embedded default, has one conversation through the public API and stays up (`--exit` ends it).
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const QUESTION = 'What is 12.5 * 4.2? And what time is it in Europe/Berlin?';

const dataDir = process.env.DATA_DIR ?? 'data';
const login = demoLogin();
const port = process.env.PORT ?? (await freePort(3000));
const url = `http://localhost:${port}`;
const server = startServer();
try {
  await untilReady();
  await converse(await signIn());
  console.log(`\nAtrium is at ${url}\n  API docs  ${url}/docs\n  Login     ${login.email} / ${login.password}\n`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
  server.kill('SIGTERM');
}
if (process.argv.includes('--exit')) server.kill('SIGTERM');
else if (!process.exitCode) console.log('Ctrl-C stops it.');

/** Made with the first start of a data folder and kept beside the data, readable by its owner alone. */
function demoLogin() {
  const file = join(dataDir, 'demo-login.json');
  const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = process.env;
  if (email && password) return { email, password };
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const made = { email: 'admin@atrium.local', password: randomBytes(12).toString('base64url') };
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
  return made;
}

function startServer() {
  const child = spawn(process.execPath, ['dist/main.js'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      PORT: String(port),
      DATA_DIR: dataDir,
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
      ADMIN_EMAIL: login.email,
      ADMIN_PASSWORD: login.password,
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code) => process.exit(process.exitCode ?? code ?? 1));
  return child;
}

async function untilReady() {
  for (let tries = 0; tries < 300; tries++) {
    const ready = await fetch(`${url}/health/ready`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ready) return;
    await sleep(100);
  }
  throw new Error('The server did not get ready within 30 s.');
}

async function signIn() {
  const answer = await call('POST', '/auth/login', login);
  if (answer.status === 401) {
    throw new Error(
      `${dataDir} belongs to an installation with another login: set ADMIN_EMAIL and ADMIN_PASSWORD to one of its, or DATA_DIR to a new folder.`,
    );
  }
  return (await expectOk(answer)).accessToken;
}

async function converse(token) {
  const agent = await create(token, '/agents', {
    name: 'Guide',
    systemPrompt:
      'You answer briefly. Use the calculator for every calculation and the clock for every question of time.',
    tools: ['calculator:*', 'clock:now'],
  });
  const session = await create(token, '/sessions', { agentId: agent.id, title: 'Demo' });
  console.log(`\nuser       ${QUESTION}`);
  const path = `/sessions/${session.id}/messages`;
  const response = await call('POST', path, { content: QUESTION, stream: true }, token);
  if (!response.ok) await expectOk(response);
  for await (const event of events(response.body)) show(event);
}

function show({ type, data }) {
  if (type === 'message.delta') process.stdout.write(data.text);
  if (type === 'message.started') process.stdout.write('assistant  ');
  if (type === 'tool.call') console.log(`\ntool       ${data.name} ${JSON.stringify(data.input)}`);
  if (type === 'tool.result') console.log(`result     ${data.output}`);
  if (type === 'run.failed') throw new Error(`The run failed: ${data.error.code}: ${data.error.message}`);
  if (type === 'run.completed') {
    const { model, usage } = data.run;
    console.log(
      `\n\n${model}: ${usage.inputTokens} tokens in, ${usage.outputTokens} out, ${usage.costMicros} micro-dollars`,
    );
  }
}

async function* events(body) {
  let rest = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split('\n\n');
    rest = parts.pop();
    for (const part of parts) {
      const line = part.split('\n').find((candidate) => candidate.startsWith('data: '));
      if (line) yield JSON.parse(line.slice('data: '.length));
    }
  }
}

function call(method, path, body, token) {
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  return fetch(`${url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
}

async function create(token, path, body) {
  return expectOk(await call('POST', path, body, token));
}

async function expectOk(answer) {
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${answer.url} answered ${answer.status}: ${body.message}`);
  return body;
}

/** The wanted port, or any other when it is taken. */
function freePort(wanted) {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', () => freePort(0).then(resolve, reject));
    probe.listen(wanted, () => {
      const { port: free } = probe.address();
      probe.close(() => resolve(free));
    });
  });
}
