/** Columns are few and rows are many. */
const names = new Map<string, string>();

/** A row as the database names its columns, with our names. */
export function camelRow<T>(row: object): T {
  const named: Record<string, unknown> = {};
  for (const column in row) named[nameOf(column)] = (row as Record<string, unknown>)[column];
  return named as T;
}

function nameOf(column: string): string {
  let name = names.get(column);
  if (name === undefined) {
    name = column.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
    names.set(column, name);
  }
  return name;
}
