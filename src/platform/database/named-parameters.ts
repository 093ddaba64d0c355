const PLACEHOLDER = /(?<![:\w]):([a-zA-Z]\w*)/g;

/**
 * Turns `:name` into `$n`. Casts (`::uuid`) are left alone; text literals must not hold a colon before a letter.
 * Throws when the statement names a parameter that is not given.
 */
export function bindNamed(text: string, parameters: Record<string, unknown>): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const positions = new Map<string, number>();
  const bound = text.replace(PLACEHOLDER, (_whole, name: string) => {
    let position = positions.get(name);
    if (position === undefined) {
      if (!(name in parameters)) throw new Error(`The statement names :${name}, which is not given`);
      values.push(parameters[name]);
      position = values.length;
      positions.set(name, position);
    }
    return `$${position}`;
  });
  return { text: bound, values };
}
