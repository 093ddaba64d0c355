import type { QueryConfig } from 'pg';
import { parseNamed } from './named-parameters.js';

/** More than there are statements in the program; beyond it, texts are made at run time and not worth keeping. */
const MOST = 1_000;

export interface StatementOptions {
  /** Put together for its caller, as one of very many: not kept prepared. */
  varies?: boolean;
}

interface Known {
  text: string;
  parameters: string[];
  /** Under which a connection keeps it prepared. */
  name: string | undefined;
}

const known = new Map<string, Known>();

/** A column added by the next version would change what such a statement answers, and Postgres refuses its plan then. */
const ANSWERS_EVERY_COLUMN = /^\s*SELECT (\w+\.)?\*|RETURNING (\w+\.)?\*/i;

/**
 * A statement with `:name` parameters as the driver takes it. `named`: it is parsed and planned once per connection,
 * which the embedded database can't do, since its connections share one session.
 */
export function statementOf(
  text: string,
  values: Record<string, unknown>,
  { named, varies = false }: { named: boolean } & StatementOptions,
): QueryConfig {
  let statement = known.get(text);
  if (!statement) {
    const isKept = !varies && known.size < MOST;
    const isNamed = isKept && !ANSWERS_EVERY_COLUMN.test(text);
    statement = { ...parseNamed(text), name: isNamed ? `atrium_${known.size}` : undefined };
    if (isKept) known.set(text, statement);
  }
  return {
    text: statement.text,
    values: statement.parameters.map((name) => {
      if (!(name in values)) throw new Error(`The statement names :${name}, which is not given`);
      return values[name];
    }),
    ...(named && statement.name !== undefined ? { name: statement.name } : {}),
  };
}
