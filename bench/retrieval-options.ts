import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ServerOptions } from './atrium.ts';
import { readStores, type StoreName } from './stores.ts';

export interface RetrievalOptions extends ServerOptions {
  stores: StoreName[];
  /** Of corpus.jsonl, queries.jsonl and qrels.tsv, as BEIR has them. */
  folder: string;
  /** Of the collection. */
  embeddingModel: string;
  language: string;
  /** The table as markdown too. */
  hasMarkdown: boolean;
}

export const RETRIEVAL_USAGE = `npm run bench:retrieval -- <folder> [options]
  <folder>              with corpus.jsonl {_id, title, text}, queries.jsonl {_id, text} and qrels.tsv, as BEIR has them
  --store <store>       pg, embedded or both (the default)
  --model <name>        the embedding model, offline unless told
  --language <name>     of the documents, english unless told
  --markdown            the table as markdown too
  --log-level <level>   of the measured servers, info unless told
  --cpu-prof <folder>   a CPU profile of each server, for Chrome's developer tools

Loads the documents through the public API in batches of 1,000 until all are ready, then sends each query in each mode,
one at a time, and judges the documents found (each where its best chunk is) among the best 100 chunks.

Postgres and Redis are those of TEST_DATABASE_URL, TEST_MIGRATION_DATABASE_URL and TEST_REDIS_URL, else they are started
by .ci/services, which installs them when it is run by root on Debian.`;

/** @throws Error when there is an option that is none, or no data in the folder */
export function readRetrievalOptions(args: string[]): RetrievalOptions {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      store: { type: 'string', default: 'both' },
      model: { type: 'string', default: 'offline' },
      language: { type: 'string', default: 'english' },
      markdown: { type: 'boolean', default: false },
      'log-level': { type: 'string', default: 'info' },
      'cpu-prof': { type: 'string' },
    },
  });
  const [folder, ...others] = positionals;
  if (folder === undefined || others.length > 0) throw new Error('Name one folder');
  for (const file of ['corpus.jsonl', 'queries.jsonl', 'qrels.tsv'])
    if (!existsSync(join(folder, file))) throw new Error(`There is no ${file} in ${folder}`);
  return {
    stores: readStores(values.store),
    folder,
    embeddingModel: values.model,
    language: values.language,
    hasMarkdown: values.markdown,
    profiles: values['cpu-prof'] ?? null,
    logLevel: values['log-level'],
  };
}
