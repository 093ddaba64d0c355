import { Transform, Type } from 'class-transformer';
import {
  IsEmail,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  IsUrl,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
} from 'class-validator';

const URL_RULES = { require_tld: false, require_protocol: true } as const;

/** The environment as the operator writes it; one property per variable, each named and checked here alone. */
export class Environment {
  @IsIn(['development', 'test', 'staging', 'production'])
  NODE_ENV = 'development';

  @IsIn(['all', 'api', 'worker'])
  ROLE = 'all';

  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(65_535)
  PORT = 3000;

  @IsString()
  @MinLength(1)
  HOST = '0.0.0.0';

  @IsOptional()
  @IsUrl({ ...URL_RULES, protocols: ['http', 'https'] })
  PUBLIC_URL?: string;

  /** `true`, `false`, a number of proxies, or a list of networks. */
  @IsString()
  TRUST_PROXY = 'false';

  @IsString()
  @MinLength(1)
  DATA_DIR = './data';

  @IsOptional()
  @IsUrl({ ...URL_RULES, protocols: ['postgres', 'postgresql'] })
  DATABASE_URL?: string;

  @IsOptional()
  @IsUrl({ ...URL_RULES, protocols: ['postgres', 'postgresql'] })
  MIGRATION_DATABASE_URL?: string;

  @Type(() => Number)
  @IsInt()
  @Min(2)
  @Max(500)
  DB_POOL_SIZE = 10;

  @IsOptional()
  @IsUrl({ ...URL_RULES, protocols: ['redis', 'rediss'] })
  REDIS_URL?: string;

  /** A comma-separated list rotates: the first signs, all verify. */
  @IsOptional()
  @Matches(/^[^,]{32,}(,[^,]{32,})*$/, {
    message: 'JWT_SECRET must be at least 32 characters, each of a comma-separated list',
  })
  JWT_SECRET?: string;

  @IsOptional()
  @Matches(/^[^,]{32,}(,[^,]{32,})*$/, {
    message: 'ENCRYPTION_KEY must be at least 32 characters, each of a comma-separated list',
  })
  ENCRYPTION_KEY?: string;

  @IsOptional()
  @IsEmail()
  ADMIN_EMAIL?: string;

  @IsOptional()
  @MinLength(8)
  @MaxLength(200)
  ADMIN_PASSWORD?: string;

  @IsOptional()
  @IsString()
  ANTHROPIC_API_KEY?: string;

  @IsOptional()
  @IsUrl({ ...URL_RULES, protocols: ['http', 'https'] })
  ANTHROPIC_BASE_URL?: string;

  @IsOptional()
  @IsString()
  DEFAULT_MODEL?: string;

  @IsOptional()
  @IsString()
  MODELS_FILE?: string;

  /** What collections are embedded by that name no model. */
  @IsString()
  @MinLength(1)
  EMBEDDING_MODEL = 'offline';

  @IsOptional()
  @IsString()
  EMBEDDING_MODELS_FILE?: string;

  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,500}$/, { message: 'VOYAGE_API_KEY must be a key: printable, without blanks' })
  VOYAGE_API_KEY?: string;

  @IsOptional()
  @IsUrl({ ...URL_RULES, protocols: ['http', 'https'], disallow_auth: true })
  VOYAGE_BASE_URL?: string;

  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,500}$/, { message: 'OPENAI_API_KEY must be a key: printable, without blanks' })
  OPENAI_API_KEY?: string;

  /** Of OpenAI or of any server that has its API for embeddings. */
  @IsOptional()
  @IsUrl({ ...URL_RULES, protocols: ['http', 'https'], disallow_auth: true })
  OPENAI_BASE_URL?: string;

  /** What looks again at the best results of a search: `offline`, a model of Voyage for it, or a chat model. */
  @IsOptional()
  @IsString()
  RERANK_MODEL?: string;

  /** How much words count in hybrid searches, from 0 to 1; vectors have the rest. Absent: as suits the collection's model. */
  @IsOptional()
  @Type(() => Number)
  @IsNumber()
  @Min(0)
  @Max(1)
  RAG_KEYWORD_WEIGHT?: number;

  /** Networks that are not public and may be reached all the same by what users give, comma-separated. */
  @IsString()
  EGRESS_ALLOW = '';

  /** With it agents can search the web. Of characters that a header can hold. */
  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,500}$/, { message: 'BRAVE_SEARCH_API_KEY must be a key: printable, without blanks' })
  BRAVE_SEARCH_API_KEY?: string;

  @IsUrl({ ...URL_RULES, protocols: ['http', 'https'], disallow_auth: true })
  BRAVE_SEARCH_URL = 'https://api.search.brave.com/res/v1/web/search';

  /** A JSON file of the commands that tenants may plug in as MCP servers; absent: none. */
  @IsOptional()
  @IsString()
  MCP_STDIO_REGISTRY?: string;

  /** Origins of front ends, comma-separated; empty allows none but our own. */
  @Transform(({ value }) => (typeof value === 'string' ? value.trim() : value) as unknown)
  @Matches(/^(https?:\/\/[^\s,/]+(,\s*https?:\/\/[^\s,/]+)*)?$/, {
    message: 'CORS_ORIGINS must be a comma-separated list of origins such as https://app.example.com',
  })
  CORS_ORIGINS = '';

  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
  LOG_LEVEL = 'info';

  @Type(() => Number)
  @IsInt()
  @Min(100)
  @Max(600_000)
  WAIT_MAX_MS = 60_000;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_073_741_824)
  UPLOAD_MAX_BYTES = 26_214_400;

  /** How long people may take to permit a call of a tool; absent: as long as they like. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1_000)
  PERMISSION_TTL_MS?: number;

  /** How long applications may take to answer a call of their tools; 0: as long as they like. */
  @Type(() => Number)
  @IsInt()
  @Min(0)
  CLIENT_TOOL_TIMEOUT_MS = 300_000;

  /** Of a session's working directory. */
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_099_511_627_776)
  WORKSPACE_MAX_BYTES = 1_073_741_824;

  /** Files and folders of a session's working directory. */
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  WORKSPACE_MAX_FILES = 10_000;

  /** Absent: Amazon's, of the region. */
  @IsOptional()
  @IsUrl({ ...URL_RULES, protocols: ['http', 'https'] })
  S3_ENDPOINT?: string;

  @IsOptional()
  @Matches(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, { message: 'S3_BUCKET must be the name of a bucket' })
  S3_BUCKET?: string;

  @IsString()
  @MinLength(1)
  S3_REGION = 'us-east-1';

  @IsOptional()
  @IsString()
  S3_ACCESS_KEY_ID?: string;

  @IsOptional()
  @IsString()
  S3_SECRET_ACCESS_KEY?: string;

  @IsOptional()
  @MinLength(8)
  METRICS_TOKEN?: string;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  RATE_LIMIT_ANONYMOUS = 100;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  RATE_LIMIT_AUTHENTICATED = 1000;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  RATE_LIMIT_PREMIUM = 5000;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  RATE_LIMIT_LOGIN = 10;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  SOCKETS_PER_ADDRESS = 200;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  SOCKET_MESSAGES_PER_MINUTE = 600;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(3650)
  RETENTION_TENANT_DAYS = 30;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(3650)
  RETENTION_WORKSPACE_DAYS = 30;
}
