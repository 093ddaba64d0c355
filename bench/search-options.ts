import { parseArgs } from 'node:util';

export interface SearchOptions {
  /** Vectors of each tenant. */
  sizes: number[];
  /** One tenant alone instead, measured at an eighth, a quarter, a half and all of so many vectors. */
  growsTo: number | null;
  /** Searches of each kind in a tenant. */
  searches: number;
  /** The tables as markdown too. */
  hasMarkdown: boolean;
}

export const SEARCH_USAGE = `npm run bench:search -- [options]
  --quick       a tenth of it, to see that it works
  --grow <n>    one tenant alone, measured as it grows to so many vectors (250000: a quarter of an hour; 1000000: hours)
  --markdown    the tables as markdown too

100,000 vectors of 384 dimensions, with texts, in 20 tenants of very unequal size on Postgres: that of TEST_DATABASE_URL
and TEST_MIGRATION_DATABASE_URL, else one started by .ci/services, which installs it when it is run by root on Debian.
Each search through the product is followed by the same search in SQL on a plain connection.`;

const SIZES = [
  ...[62_650, 12_000, 6_500, 4_000, 2_800, 2_100, 1_650, 1_350, 1_120, 950],
  ...[820, 720, 640, 570, 500, 440, 390, 340, 303, 157],
];

/** @throws Error when there is an option that is none, or a value that does not fit */
export function readSearchOptions(args: string[]): SearchOptions {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      grow: { type: 'string' },
      markdown: { type: 'boolean', default: false },
    },
  });
  const grow = values.grow === undefined ? null : Number(values.grow);
  if (grow !== null && (!Number.isSafeInteger(grow) || grow < 1_000))
    throw new Error('--grow must be a number from 1000 on');
  const sizes = values.quick ? SIZES.map((size) => Math.ceil(size / 10)) : SIZES;
  // None is missed by the exact search of each, which takes its time where there are many.
  const searches = grow !== null ? 60 : values.quick ? 40 : 150;
  return { sizes, growsTo: grow, searches, hasMarkdown: values.markdown };
}
