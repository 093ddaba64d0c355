const MAX_CHARS = 200;

/** `['steps', 0, 'name']` as `steps[0].name`; fit to be shown, whatever the names hold. */
export function fieldPath(steps: readonly (string | number)[]): string {
  let path = '';
  for (const step of steps) {
    if (typeof step === 'number') path += `[${step}]`;
    else path += path === '' ? step : `.${step}`;
  }
  return shorten(path);
}

/** At most 200 characters of a text, without what can't be shown. */
export function shorten(text: string): string {
  const short = text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS - 1)}…` : text;
  return short.replaceAll('\0', '\uFFFD').toWellFormed();
}
