import type { LevelWithSilent } from 'pino';

/** All settings, parsed once at start and frozen; the injection token is the class. */
export class Settings {
  readonly env: 'development' | 'test' | 'staging' | 'production';
  readonly role: 'all' | 'api' | 'worker';
  readonly dataDir: string;
  readonly http: {
    readonly port: number;
    readonly host: string;
    readonly publicUrl: string;
    /** Express's `trust proxy`: false, true, a hop count or a list of networks. */
    readonly trustProxy: boolean | number | string;
    readonly corsOrigins: readonly string[];
    readonly waitMaxMs: number;
    /** Of one file. */
    readonly uploadMaxBytes: number;
  };
  readonly database: {
    /** Null: the embedded database in `dataDir`. */
    readonly url: string | null;
    readonly migrationUrl: string | null;
    readonly poolSize: number;
  };
  readonly redis: { readonly url: string | null };
  readonly secrets: {
    /** The first signs, all verify. */
    readonly jwt: readonly string[];
    readonly encryption: readonly string[];
  };
  /** Addresses and networks beside the public ones that may be reached by what users give. */
  readonly egress: { readonly allow: readonly string[] };
  readonly admin: { readonly email: string | null; readonly password: string | null };
  readonly models: {
    readonly defaultModel: string;
    readonly file: string | null;
    readonly anthropic: { readonly apiKey: string | null; readonly baseUrl: string | null };
  };
  readonly embeddings: {
    readonly defaultModel: string;
    readonly file: string | null;
    readonly voyage: { readonly apiKey: string | null; readonly baseUrl: string | null };
    readonly openai: { readonly apiKey: string | null; readonly baseUrl: string | null };
  };
  readonly search: {
    readonly rerankModel: string;
    /** Null: as suits the model that a collection is embedded with. */
    readonly keywordWeight: number | null;
  };
  /** Null: agents can not search the web. */
  readonly webSearch: { readonly url: string; readonly apiKey: string } | null;
  readonly mcp: {
    /** A file; null: tenants can plug in no commands. */
    readonly stdioRegistry: string | null;
  };
  readonly log: { readonly level: LevelWithSilent };
  /** How long people and applications may take to answer; null: as long as they like. */
  readonly tools: { readonly permissionTtlMs: number | null; readonly clientToolTimeoutMs: number | null };
  readonly metricsToken: string | null;
  /** Requests per minute. */
  readonly rateLimits: {
    readonly anonymous: number;
    readonly authenticated: number;
    readonly premium: number;
    readonly login: number;
  };
  readonly sockets: { readonly perAddress: number; readonly messagesPerMinute: number };
  readonly workspaces: {
    /** Of one session. */
    readonly maxBytes: number;
    /** Files and folders of one session. */
    readonly maxFiles: number;
  };
  /** Null: files and archives are in `dataDir`. */
  readonly s3: {
    readonly bucket: string;
    /** Null: Amazon's. */
    readonly endpoint: string | null;
    readonly region: string;
    /** Null: as the machine has them. */
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
  } | null;
  readonly retention: { readonly tenantDays: number; readonly workspaceDays: number };
}
