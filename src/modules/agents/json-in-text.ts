/**
 * The JSON values that a text holds outside of one another: the whole text; else those in code fences; else the objects
 * and lists among its words. None when one of the last was begun and not ended, since the text is cut then. One pass
 * over the text, whatever it holds.
 */
export function jsonIn(text: string): string[] {
  const whole = text.trim();
  if (isJson(whole)) return [whole];
  const fenced = fences(whole).filter(isJson);
  return fenced.length > 0 ? fenced : bracketed(whole).filter(isJson);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const FENCE = '```';

function fences(text: string): string[] {
  // The first line of a fence names its language.
  return text
    .split(FENCE)
    .filter((_part, index, parts) => index % 2 === 1 && index < parts.length - 1)
    .map((part) => part.replace(/^[^\n{["]*\n/, '').trim());
}

function bracketed(text: string): string[] {
  const found: string[] = [];
  let start = 0;
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const sign = text[index] ?? '';
    if (quoted) {
      if (sign === '\\') index += 1;
      else if (sign === '"') quoted = false;
    } else if (sign === '{' || sign === '[') {
      if (depth === 0) start = index;
      depth += 1;
    } else if (depth > 0 && sign === '"') {
      // Among words a quotation mark begins nothing that could hold brackets.
      quoted = true;
    } else if (depth > 0 && (sign === '}' || sign === ']')) {
      depth -= 1;
      if (depth === 0) found.push(text.slice(start, index + 1));
    }
  }
  return depth === 0 ? found : [];
}
