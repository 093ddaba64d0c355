import { Injectable } from '@nestjs/common';
import { DomainError } from '../../contracts/errors.js';
import { AddressRefused, GuardedNames } from '../../platform/egress/guarded-names.js';
import { textResult, type BuiltinTool, type ToolCallContext, type ToolResult, type ToolServer } from '../tools/tool.js';
import { COLUMNS, CONSTRAINTS, INDEXES, TABLES, TABLE_OF_NAME } from './catalog-queries.js';
import { DatabaseConnections } from './database-connections.service.js';
import { parseDatabaseUrl } from './database-url.js';
import { ForeignDatabase } from './foreign-database.js';
import { QueryFailed, queryFailure } from './query-failed.js';

type Input = Record<string, string>;

const TIMEOUT_MS = 60_000;
const MOST_TABLES = 1_000;
const MOST_COLUMNS = 2_000;
const CONNECTION = { connection: { type: 'string', maxLength: 100, description: 'Name of the database connection' } };

/** Databases that the tenant's admins registered, to be read and not changed. */
@Injectable()
export class DatabaseToolServer implements ToolServer {
  readonly name = 'database';
  readonly tools: readonly BuiltinTool[] = [
    this.tool(
      'query',
      'Runs one SQL query (SELECT, WITH, VALUES or TABLE; PostgreSQL) in a read-only transaction. ' +
        'Answers at most 1,000 rows; ask for less with WHERE, aggregates and LIMIT.',
      { sql: { type: 'string', minLength: 1, maxLength: 100_000 } },
      (database, { sql = '' }) => this.query(database, sql),
    ),
    this.tool('list_tables', 'Lists the tables and views of a database.', {}, async (database) => {
      const tables = await database.own(TABLES, [MOST_TABLES + 1]);
      return { tables: tables.slice(0, MOST_TABLES), ...(tables.length > MOST_TABLES ? { truncated: true } : {}) };
    }),
    this.tool('get_schema', 'The columns of all tables and views of a database.', {}, (database) =>
      columnsOf(database, null),
    ),
    this.tool(
      'describe',
      'The columns, constraints and indexes of a table or view.',
      { table: { type: 'string', minLength: 1, maxLength: 200, description: '`table` or `schema.table`' } },
      (database, { table = '' }) => this.describe(database, table),
    ),
  ];

  constructor(
    private readonly connections: DatabaseConnections,
    private readonly names: GuardedNames,
  ) {}

  private tool(
    name: string,
    description: string,
    properties: Record<string, object>,
    use: (database: ForeignDatabase, input: Input) => Promise<object>,
  ): BuiltinTool {
    const all = { ...CONNECTION, ...properties };
    return {
      name,
      description,
      inputSchema: { type: 'object', properties: all, required: Object.keys(all), additionalProperties: false },
      idempotent: true,
      timeoutMs: TIMEOUT_MS,
      call: (input, context) => this.answer(input as Input, context, use),
    };
  }

  private async answer(
    input: Input,
    { signal }: ToolCallContext,
    use: (database: ForeignDatabase, input: Input) => Promise<object>,
  ): Promise<ToolResult> {
    const { connection = '' } = input;
    const url = await this.connections.urlOf(connection);
    if (url === null) return textResult(`There is no database connection named ${connection}`, true);
    try {
      const read = (database: ForeignDatabase): Promise<object> => use(database, input);
      const found = await ForeignDatabase.read(parseDatabaseUrl(url), this.names, signal, read);
      return textResult(JSON.stringify(found));
    } catch (error) {
      signal.throwIfAborted();
      const isTold = error instanceof AddressRefused || error instanceof DomainError;
      return textResult(isTold ? error.message : queryFailure(error).message, true);
    }
  }

  private async query(database: ForeignDatabase, sql: string): Promise<object> {
    try {
      const { columns, rows, truncated } = await database.rows(sql);
      return { columns, rows, rowCount: rows.length, ...(truncated ? { truncated } : {}) };
    } catch (error) {
      if (/^[\s(]*(select|with|values|table)\b/i.test(sql)) throw error;
      throw new QueryFailed(`${queryFailure(error).message}. Only a single SELECT, WITH, VALUES or TABLE is run here`);
    }
  }

  private async describe(database: ForeignDatabase, table: string): Promise<object> {
    const [found] = await database.own<{ oid: string; schema: string; name: string }>(TABLE_OF_NAME, [table]);
    if (!found) throw new QueryFailed(`There is no table named ${table}`);
    const { oid, schema, name } = found;
    return {
      ...{ schema, table: name },
      ...(await columnsOf(database, oid)),
      constraints: await database.own(CONSTRAINTS, [oid]),
      indexes: await database.own(INDEXES, [oid]),
    };
  }
}

/** Of one table, or of all (null). */
async function columnsOf(database: ForeignDatabase, oid: string | null): Promise<object> {
  const columns = await database.own(COLUMNS, [oid, MOST_COLUMNS + 1]);
  return { columns: columns.slice(0, MOST_COLUMNS), ...(columns.length > MOST_COLUMNS ? { truncated: true } : {}) };
}
