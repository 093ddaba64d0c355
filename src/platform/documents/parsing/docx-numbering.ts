import type { OfficePackage } from './office-package.js';
import { attribute } from './xml.js';

interface ListLevel {
  format: string;
  text: string;
  start: number;
}

/** Counts the items of a document's lists. */
export class Numbering {
  private readonly lists: Map<string, ListLevel[]>;
  private readonly counts = new Map<string, number[]>();

  constructor(lists: Map<string, ListLevel[]>) {
    this.lists = lists;
  }

  /** What stands before the next item: `-`, `3.` or `2.1`. */
  next(id: string, level: number): string {
    const levels = this.lists.get(id) ?? [];
    const own = levels[level];
    if (!own || ['bullet', 'none'].includes(own.format)) return own?.format === 'none' ? '' : '-';
    const counts = this.counts.get(id) ?? [];
    counts.length = Math.min(counts.length, level + 1);
    counts[level] = (counts[level] ?? own.start - 1) + 1;
    this.counts.set(id, counts);
    const written = own.text.replace(/%([1-9])/g, (_, digit: string) => {
      const at = Number(digit) - 1;
      return counted(counts[at] ?? levels[at]?.start ?? 1, levels[at]?.format ?? 'decimal');
    });
    return written === '' ? '-' : written;
  }
}

function counted(count: number, format: string): string {
  if (format === 'lowerLetter' || format === 'upperLetter') {
    const letter = String.fromCharCode(97 + ((count - 1) % 26)).repeat(Math.min(Math.ceil(count / 26), 5));
    return format === 'upperLetter' ? letter.toUpperCase() : letter;
  }
  if (format === 'lowerRoman') return roman(count);
  return format === 'upperRoman' ? roman(count).toUpperCase() : String(count);
}

const ROMAN = { m: 1000, cm: 900, d: 500, cd: 400, c: 100, xc: 90, l: 50, xl: 40, x: 10, ix: 9, v: 5, iv: 4, i: 1 };

function roman(count: number): string {
  let rest = Math.min(count, 3999);
  let text = '';
  for (const [letters, worth] of Object.entries(ROMAN)) for (; rest >= worth; rest -= worth) text += letters;
  return text;
}

export async function readNumbering(office: OfficePackage): Promise<Numbering> {
  const kinds = new Map<string, ListLevel[]>();
  const lists = new Map<string, ListLevel[]>();
  let levels: ListLevel[] = [];
  let level: ListLevel | null = null;
  let list = '';
  for (const path of await office.related(office.main, 'numbering'))
    await office.read(path, {
      open: (name, attributes) => {
        const value = attribute(attributes, 'w:val') ?? '';
        if (name === 'abstractNum') {
          levels = [];
          kinds.set(attribute(attributes, 'w:abstractNumId') ?? '', levels);
        } else if (name === 'lvl') {
          level = { format: 'decimal', text: '', start: 1 };
          const at = Number(attribute(attributes, 'w:ilvl'));
          if (list === '' && at >= 0 && at < 9) levels[at] = level;
        } else if (name === 'num') list = attribute(attributes, 'w:numId') ?? '';
        else if (name === 'abstractNumId') lists.set(list, kinds.get(value) ?? []);
        else if (level && name === 'numFmt') level.format = value;
        else if (level && name === 'lvlText') level.text = value.slice(0, 50);
        else if (level && name === 'start') level.start = Number(value) || 0;
      },
      close: (name) => {
        if (name === 'lvl') level = null;
      },
    });
  return new Numbering(lists);
}
