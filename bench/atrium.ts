import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../test/free-port.ts';
import { now } from './clock.ts';

const MAIN = join(import.meta.dirname, '..', 'dist', 'main.js');
const READY_LIMIT_MS = 60_000;
const PLENTY = '1000000000';
const LOGIN = { email: 'bench@example.com', password: 'a long bench password' };
const SECRET = 'bench-secret-bench-secret-bench-secret';

export interface ServerOptions {
  /** Where the servers leave their CPU profiles; null profiles nothing. */
  profiles: string | null;
  logLevel: string;
}

/** Atrium as it is shipped: built, one process that does everything, in production. */
export class Atrium {
  url = '';
  token = '';
  readonly label: string;
  /** What differs from one to the other. */
  private readonly environment: Record<string, string>;
  private readonly options: ServerOptions;
  private readonly folder = mkdtempSync(join(tmpdir(), 'atrium-bench-'));
  private agentId = '';
  private child: ChildProcess | null = null;

  constructor(label: string, environment: Record<string, string>, options: ServerOptions) {
    this.label = label;
    this.environment = environment;
    this.options = options;
  }

  get isEmbedded(): boolean {
    return !('DATABASE_URL' in this.environment);
  }

  get pid(): number {
    return this.child?.pid ?? NaN;
  }

  /** Ms from the start of the process until it is ready for requests. */
  async start(): Promise<number> {
    const port = await freePort();
    this.url = `http://127.0.0.1:${port}`;
    const { profiles } = this.options;
    const profiling = profiles === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(profiles)}`];
    const log = openSync(this.log, 'a');
    const begin = now();
    const child = spawn(process.execPath, [...profiling, MAIN], {
      // Not where a developer's .env would name another database.
      cwd: this.folder,
      stdio: ['ignore', log, log],
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        PORT: String(port),
        LOG_LEVEL: this.options.logLevel,
        DATA_DIR: join(this.folder, 'data'),
        JWT_SECRET: SECRET,
        ENCRYPTION_KEY: SECRET,
        ADMIN_EMAIL: LOGIN.email,
        ADMIN_PASSWORD: LOGIN.password,
        ANTHROPIC_API_KEY: 'bench',
        RATE_LIMIT_ANONYMOUS: PLENTY,
        RATE_LIMIT_AUTHENTICATED: PLENTY,
        RATE_LIMIT_PREMIUM: PLENTY,
        RATE_LIMIT_LOGIN: PLENTY,
        ...this.environment,
      },
    });
    closeSync(log);
    this.child = child;
    child.once('exit', () => {
      if (this.child === child) process.stderr.write(`${this.label} ended by itself: ${this.said()}\n`);
    });
    while (!(await isReady(this.url))) {
      if (child.exitCode !== null) throw new Error(`${this.label} did not start`);
      if (now() - begin > READY_LIMIT_MS) throw new Error(`${this.label} does not get ready: ${this.said()}`);
      await sleep(5);
    }
    return now() - begin;
  }

  /** As a client begins: logs in, and has an agent. */
  async open(): Promise<void> {
    await this.login();
    this.agentId = (await this.post('/agents', { name: 'Bench', model: 'claude-haiku-4-5' })).id;
  }

  /** An access token is good for a quarter of an hour. */
  async login(): Promise<void> {
    this.token = '';
    this.token = (await this.post('/auth/login', LOGIN)).accessToken;
  }

  /** What `POST /sessions` is sent. */
  get newSession(): { agentId: string; title: string } {
    return { agentId: this.agentId, title: 'A benchmark' };
  }

  /** New ones, of the agent that every Atrium here has unless another is named. */
  async sessions(count: number, agentId = this.agentId): Promise<string[]> {
    const made = Array.from({ length: count }, () => this.post('/sessions', { ...this.newSession, agentId }));
    return (await Promise.all(made)).map(({ id }) => id);
  }

  /** One request of the preparations. @throws Error where the answer is none of success */
  async ask<T>(method: 'GET' | 'POST' | 'PATCH', path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...(this.token ? { authorization: `Bearer ${this.token}` } : {}) },
      body: body === undefined ? null : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  async stop(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private get log(): string {
    return join(this.folder, 'log');
  }

  private said(): string {
    return readFileSync(this.log, 'utf8').slice(-2_000);
  }

  private post(path: string, body: object): Promise<{ id: string; accessToken: string }> {
    return this.ask('POST', path, body);
  }
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/health/ready`).then(
    (answer) => answer.ok,
    () => false,
  );
}
