import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

const SCRIPT = join(import.meta.dirname, '..', '.ci', 'services');
const REDIS_BACK_MS = 10_000;

/** A Postgres and a Redis that a test may do anything to, made as the ones of the other tests are. */
export class OwnServices {
  private readonly folder = join(tmpdir(), `atrium-services-${randomUUID()}`);
  private readonly environment: Record<string, string>;

  /** From here on `createTestStore` makes its stores on them. */
  constructor() {
    this.script('start');
    const lines = readFileSync(join(this.folder, 'env'), 'utf8').matchAll(/^export (\w+)=(.*)$/gm);
    this.environment = Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value]));
    Object.assign(process.env, this.environment);
  }

  /** `fast` ends connections and closes in order, `immediate` is as good as a crash. */
  restartPostgres(mode: 'fast' | 'immediate'): void {
    const data = join(this.folder, 'postgres');
    const version = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
    const restart = [`/usr/lib/postgresql/${version}/bin/pg_ctl`, '-D', data, '-m', mode, '-w', '-s', 'restart'];
    const asPostgres = process.getuid?.() === 0 ? ['runuser', '-u', 'postgres', '--', ...restart] : restart;
    // What it starts must not hold on to our pipes.
    run(asPostgres, ['ignore', 'ignore', 'ignore']);
  }

  async flushRedis(): Promise<void> {
    await this.withRedis((redis) => redis.flushall());
  }

  /** With an empty memory, as after a crash. */
  async restartRedis(): Promise<void> {
    const pid = Number(readFileSync(join(this.folder, 'redis.pid'), 'utf8'));
    const port = new URL(this.environment['TEST_REDIS_URL'] ?? '').port;
    process.kill(pid, 'SIGKILL');
    const files = ['--pidfile', join(this.folder, 'redis.pid'), '--logfile', join(this.folder, 'redis.log')];
    const kept = ['--save', '', '--appendonly', 'no', '--dir', this.folder];
    run(['redis-server', '--bind', '127.0.0.1', '--port', port, '--daemonize', 'yes', ...kept, ...files], 'ignore');
    await this.withRedis((redis) => redis.ping());
  }

  stop(): void {
    this.script('stop');
  }

  private async withRedis(act: (redis: Redis) => Promise<unknown>): Promise<void> {
    const redis = new Redis(this.environment['TEST_REDIS_URL'] ?? '', { connectTimeout: REDIS_BACK_MS });
    redis.on('error', () => undefined);
    await act(redis);
    redis.disconnect();
  }

  private script(verb: 'start' | 'stop'): void {
    run([SCRIPT, verb], ['ignore', 'ignore', 'inherit'], { SERVICES_DIR: this.folder });
  }
}

type Stdio = Parameters<typeof spawnSync>[2] extends infer O ? (O extends { stdio?: infer S } ? S : never) : never;

function run([command = '', ...args]: string[], stdio: Stdio, environment: Record<string, string> = {}): void {
  const { status } = spawnSync(command, args, { stdio, env: { ...process.env, ...environment } });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
}
