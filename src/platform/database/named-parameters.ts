const PLACEHOLDER = /(?<![:\w]):([a-zA-Z]\w*)/g;

/**
 * Turns `:name` into `$n`; `parameters` are the names in the order of their numbers. Casts (`::uuid`) are left alone;
 * text literals must not hold a colon before a letter.
 */
export function parseNamed(text: string): { text: string; parameters: string[] } {
  const parameters: string[] = [];
  const parsed = text.replace(PLACEHOLDER, (_whole, name: string) => {
    const position = parameters.indexOf(name);
    return `$${position >= 0 ? position + 1 : parameters.push(name)}`;
  });
  return { text: parsed, parameters };
}
