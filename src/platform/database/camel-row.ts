/** A row as the database names its columns, with our names. */
export function camelRow<T>(row: object): T {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase()),
      value as unknown,
    ]),
  ) as T;
}
