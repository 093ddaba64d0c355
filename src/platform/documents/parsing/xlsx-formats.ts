import type { OfficePackage } from './office-package.js';
import type { Attributes } from './xml.js';

/** What a number in a cell stands for. */
export type CellFormat = 'plain' | 'date' | 'time' | 'percent';

const DAY_MS = 86_400_000;

/** Of each style that cells name by number. */
export async function readFormats(office: OfficePackage): Promise<CellFormat[]> {
  const codes = new Map<string, string>();
  const formats: CellFormat[] = [];
  let inCells = false;
  for (const path of await office.related(office.main, 'styles'))
    await office.read(path, {
      open: (name, attributes: Attributes) => {
        if (name === 'numFmt') codes.set(attributes['numFmtId'] ?? '', attributes['formatCode'] ?? '');
        else if (name === 'cellXfs') inCells = true;
        else if (name === 'xf' && inCells) formats.push(formatOf(attributes['numFmtId'] ?? '0', codes));
      },
      close: (name) => {
        if (name === 'cellXfs') inCells = false;
      },
    });
  return formats;
}

/** ECMA-376 18.8.30: those below 164 are known to all. */
function formatOf(id: string, codes: Map<string, string>): CellFormat {
  const code = codes.get(id);
  const known = Number(id);
  if (code === undefined) {
    if (known === 9 || known === 10) return 'percent';
    if ((known >= 18 && known <= 21) || (known >= 45 && known <= 47)) return 'time';
    return (known >= 14 && known <= 22) || (known >= 27 && known <= 36) || (known >= 50 && known <= 58)
      ? 'date'
      : 'plain';
  }
  const letters = code.replace(/"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]/gi, '').split(';')[0] ?? '';
  if (/[yd]/i.test(letters) || /mmm/i.test(letters)) return 'date';
  if (/[hs]/i.test(letters)) return 'time';
  return letters.includes('%') ? 'percent' : 'plain';
}

export function shownNumber(value: string, format: CellFormat, from1904: boolean): string {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number)) return value;
  if (format === 'percent') return `${tidy(number * 100)}%`;
  if (format === 'plain') return tidy(number, value);
  // Days since a day that never was: 1900 has a 29 February for Excel.
  const days = from1904 ? number + 1462 : number < 60 ? number + 1 : number;
  const at = new Date(Math.round(((days - 25_569) * DAY_MS) / 1000) * 1000);
  if (Number.isNaN(at.getTime()) || number < 0) return value;
  const [date = '', time = ''] = at.toISOString().slice(0, 19).split('T');
  if (format === 'time' && number < 1) return time;
  return time === '00:00:00' ? date : `${date} ${time}`;
}

/** Without what comes of counting in halves: 0.1 + 0.2 is kept as 0.30000000000000004. */
function tidy(number: number, written?: string): string {
  if (written !== undefined && written.length < 16 && !/e/i.test(written)) return written;
  return Number.isSafeInteger(number) ? String(number) : String(Number(number.toPrecision(15)));
}
