import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { parseNetwork } from '../egress/networks.js';
import { Environment } from './environment.js';
import { folderFault } from './folders.js';
import { madeSecret } from './made-secret.js';
import { Settings } from './settings.js';

/** Every fault of the environment, one line each. */
export class BadSettings extends Error {
  constructor(readonly faults: string[]) {
    super(faults.join('\n'));
  }
}

/** `.env`, then `.env.<NODE_ENV>`, then the environment; a later one wins. Empty means not set. */
export function readEnvironment(folder = process.cwd(), own: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const base = readEnvFile(resolve(folder, '.env'));
  const name = own['NODE_ENV'] ?? base['NODE_ENV'] ?? 'development';
  const merged: Record<string, string | undefined> = {
    ...base,
    ...readEnvFile(resolve(folder, `.env.${name}`)),
    ...own,
  };
  return Object.fromEntries(
    Object.entries(merged).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  );
}

function readEnvFile(path: string): Record<string, string | undefined> {
  return existsSync(path) ? parseEnv(readFileSync(path, 'utf8')) : {};
}

/**
 * `more` finds faults that only a module can know of.
 * @throws BadSettings listing every fault, before anything is opened or written.
 */
export function loadSettings(
  variables: Record<string, string>,
  more: (environment: Environment) => string[] = () => [],
): Settings {
  const names = Object.keys(new Environment());
  const optional = OPTIONAL.filter((name) => name in variables);
  const picked = Object.fromEntries(
    [...names, ...optional].filter((n) => n in variables).map((n) => [n, variables[n]]),
  );
  const environment = plainToInstance(Environment, picked, { exposeDefaultValues: true });
  const faults = validateSync(environment).map(({ property, constraints = {} }) => {
    // What is no number at all is said to be that, and not also out of range.
    return constraints['isInt'] ?? Object.values(constraints)[0] ?? `${property} is not valid`;
  });
  faults.push(...faultsBetween(environment), ...more(environment));
  if (faults.length > 0) throw new BadSettings(faults);
  return deepFreeze(Object.assign(new Settings(), settingsOf(environment)));
}

/** Variables without a default; kept in line with Environment by a test. */
export const OPTIONAL: readonly (keyof Environment)[] = [
  'PUBLIC_URL',
  'DATABASE_URL',
  'MIGRATION_DATABASE_URL',
  'REDIS_URL',
  'JWT_SECRET',
  'ENCRYPTION_KEY',
  'ADMIN_EMAIL',
  'ADMIN_PASSWORD',
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_BASE_URL',
  'DEFAULT_MODEL',
  'MODELS_FILE',
  'EMBEDDING_MODELS_FILE',
  'VOYAGE_API_KEY',
  'VOYAGE_BASE_URL',
  'OPENAI_API_KEY',
  'OPENAI_BASE_URL',
  'RERANK_MODEL',
  'RAG_KEYWORD_WEIGHT',
  'PERMISSION_TTL_MS',
  'BRAVE_SEARCH_API_KEY',
  'MCP_STDIO_REGISTRY',
  'S3_ENDPOINT',
  'S3_BUCKET',
  'S3_ACCESS_KEY_ID',
  'S3_SECRET_ACCESS_KEY',
  'METRICS_TOKEN',
];

function faultsBetween(env: Environment): string[] {
  const faults: string[] = [];
  if (env.NODE_ENV === 'production') {
    if (!env.JWT_SECRET) faults.push('JWT_SECRET is required in production (at least 32 characters)');
    if (!env.ENCRYPTION_KEY) faults.push('ENCRYPTION_KEY is required in production (at least 32 characters)');
  }
  if ((env.ROLE === 'api' || env.ROLE === 'worker') && !env.REDIS_URL)
    faults.push(`ROLE=${env.ROLE} needs REDIS_URL: processes find each other there`);
  if (env.REDIS_URL && !env.DATABASE_URL)
    faults.push('REDIS_URL needs DATABASE_URL: the embedded database serves one process');
  if (env.MIGRATION_DATABASE_URL && !env.DATABASE_URL) faults.push('MIGRATION_DATABASE_URL needs DATABASE_URL');
  if (!env.S3_BUCKET && (env.S3_ENDPOINT ?? env.S3_ACCESS_KEY_ID ?? env.S3_SECRET_ACCESS_KEY) !== undefined)
    faults.push('S3_BUCKET is required with the other settings of S3');
  if ((env.S3_ACCESS_KEY_ID === undefined) !== (env.S3_SECRET_ACCESS_KEY === undefined))
    faults.push('S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY need each other');
  if (!isTrustProxy(env.TRUST_PROXY))
    faults.push('TRUST_PROXY must be true, false, a number of proxies, or a list of addresses and networks');
  for (const network of list(env.EGRESS_ALLOW)) {
    if (!parseNetwork(network)) faults.push(`EGRESS_ALLOW: ${network || 'an empty entry'} is no address or network`);
  }
  const needsFolder = !env.DATABASE_URL || !env.JWT_SECRET || !env.ENCRYPTION_KEY;
  const folder = needsFolder && env.DATA_DIR ? folderFault(env.DATA_DIR) : null;
  if (folder) faults.push(`DATA_DIR: ${folder}`);
  return faults;
}

/** Made outside production only, and where DATA_DIR can not be used, that is told like any fault. */
function ownSecret(env: Environment, name: 'jwt' | 'encryption'): string {
  try {
    return madeSecret(env.DATA_DIR, name);
  } catch (error) {
    throw new BadSettings([`DATA_DIR: ${(error as Error).message}`]);
  }
}

function settingsOf(env: Environment): Settings {
  const secret = (name: 'jwt' | 'encryption', given: string | undefined): string[] =>
    given ? given.split(',') : [ownSecret(env, name)];
  const anthropicKey = env.ANTHROPIC_API_KEY ?? null;
  return {
    env: env.NODE_ENV as Settings['env'],
    role: env.ROLE as Settings['role'],
    dataDir: resolve(env.DATA_DIR),
    http: {
      port: env.PORT,
      host: env.HOST,
      publicUrl: (env.PUBLIC_URL ?? `http://localhost:${env.PORT}`).replace(/\/+$/, ''),
      trustProxy: trustProxy(env.TRUST_PROXY),
      corsOrigins: list(env.CORS_ORIGINS),
      waitMaxMs: env.WAIT_MAX_MS,
      uploadMaxBytes: env.UPLOAD_MAX_BYTES,
    },
    database: {
      url: env.DATABASE_URL ?? null,
      migrationUrl: env.MIGRATION_DATABASE_URL ?? null,
      poolSize: env.DB_POOL_SIZE,
    },
    redis: { url: env.REDIS_URL ?? null },
    secrets: { jwt: secret('jwt', env.JWT_SECRET), encryption: secret('encryption', env.ENCRYPTION_KEY) },
    egress: { allow: list(env.EGRESS_ALLOW) },
    admin: { email: env.ADMIN_EMAIL?.toLowerCase() ?? null, password: env.ADMIN_PASSWORD ?? null },
    models: {
      defaultModel: env.DEFAULT_MODEL ?? (anthropicKey ? 'claude-haiku-5-5' : 'offline'),
      file: env.MODELS_FILE ?? null,
      anthropic: { apiKey: anthropicKey, baseUrl: env.ANTHROPIC_BASE_URL ?? null },
    },
    embeddings: {
      defaultModel: env.EMBEDDING_MODEL,
      file: env.EMBEDDING_MODELS_FILE ?? null,
      voyage: { apiKey: env.VOYAGE_API_KEY ?? null, baseUrl: env.VOYAGE_BASE_URL ?? null },
      openai: { apiKey: env.OPENAI_API_KEY ?? null, baseUrl: env.OPENAI_BASE_URL ?? null },
    },
    search: {
      rerankModel: env.RERANK_MODEL ?? (env.VOYAGE_API_KEY ? 'voyage:rerank-2.5' : 'offline'),
      keywordWeight: env.RAG_KEYWORD_WEIGHT ?? null,
    },
    webSearch: env.BRAVE_SEARCH_API_KEY ? { url: env.BRAVE_SEARCH_URL, apiKey: env.BRAVE_SEARCH_API_KEY } : null,
    mcp: { stdioRegistry: env.MCP_STDIO_REGISTRY ?? null },
    log: { level: env.LOG_LEVEL as Settings['log']['level'] },
    tools: {
      permissionTtlMs: env.PERMISSION_TTL_MS ?? null,
      clientToolTimeoutMs: env.CLIENT_TOOL_TIMEOUT_MS === 0 ? null : env.CLIENT_TOOL_TIMEOUT_MS,
    },
    metricsToken: env.METRICS_TOKEN ?? null,
    rateLimits: {
      anonymous: env.RATE_LIMIT_ANONYMOUS,
      authenticated: env.RATE_LIMIT_AUTHENTICATED,
      premium: env.RATE_LIMIT_PREMIUM,
      login: env.RATE_LIMIT_LOGIN,
    },
    sockets: { perAddress: env.SOCKETS_PER_ADDRESS, messagesPerMinute: env.SOCKET_MESSAGES_PER_MINUTE },
    workspaces: { maxBytes: env.WORKSPACE_MAX_BYTES, maxFiles: env.WORKSPACE_MAX_FILES },
    s3: s3Of(env),
    retention: { tenantDays: env.RETENTION_TENANT_DAYS, workspaceDays: env.RETENTION_WORKSPACE_DAYS },
  };
}

function list(text: string): string[] {
  return text.trim() === '' ? [] : text.split(',').map((item) => item.trim());
}

function s3Of(env: Environment): Settings['s3'] {
  const { S3_BUCKET: bucket, S3_ENDPOINT: endpoint = null, S3_REGION: region } = env;
  if (bucket === undefined) return null;
  const { S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = env;
  const hasKeys = accessKeyId !== undefined && secretAccessKey !== undefined;
  return { bucket, endpoint, region, credentials: hasKeys ? { accessKeyId, secretAccessKey } : null };
}

const NETWORKS = new Set(['loopback', 'linklocal', 'uniquelocal']);

/** As Express reads it. */
function isTrustProxy(text: unknown): boolean {
  if (typeof text !== 'string') return true; // Told already.
  if (/^(true|false|\d{1,2})$/.test(text)) return true;
  return text.split(',').every((item) => NETWORKS.has(item.trim()) || isNetwork(item.trim()));
}

function isNetwork(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return (
    prefix === undefined ||
    (/^\d{1,3}$/.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= (version === 4 ? 32 : 128))
  );
}

function trustProxy(text: string): boolean | number | string {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^\d+$/.test(text) ? Number(text) : text;
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part as object);
  return Object.freeze(value);
}
