const MAX_LENGTH = 255;
const UNNAMED = 'file';

/** Control characters, and those that turn the direction of writing, by which `exe.png` can be made to look like `gnp.exe`. */
const INVISIBLE = /(?!\0)\p{Cc}|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * The name of a file as it is shown: the last part of any path, without what can't be seen, at most 255 characters of
 * which the extension is kept. NUL and lone surrogates stay, to be refused like those of any text.
 */
export function fileName(given: string): string {
  const last = given.split(/[/\\]/).at(-1) ?? '';
  const name = last.replace(INVISIBLE, '').trim();
  if (name === '' || name === '.' || name === '..') return UNNAMED;
  return shortened(name);
}

function shortened(name: string): string {
  const characters = [...name];
  if (name.length <= MAX_LENGTH) return name;
  const extension = /\.[\w-]{1,16}$/.exec(name)?.[0] ?? '';
  let kept = '';
  for (const character of characters) {
    if (kept.length + character.length + extension.length > MAX_LENGTH) break;
    kept += character;
  }
  return kept + extension;
}
