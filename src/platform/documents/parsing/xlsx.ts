import type { OfficePackage } from './office-package.js';
import type { ParsedDocument } from './parsed-document.js';
import { RecordLines } from './record-lines.js';
import { TextBuilder } from './text-builder.js';
import type { WorkBudget } from './work-budget.js';
import { SheetReader } from './xlsx-sheet.js';
import { readFormats } from './xlsx-formats.js';

const MAX_STRINGS = 2_000_000;

/** A page for each sheet that is shown, a line for each row. */
export async function parseXlsx(office: OfficePackage, budget: WorkBudget): Promise<ParsedDocument> {
  const builder = new TextBuilder(budget);
  const { sheets, from1904 } = await readWorkbook(office);
  const [strings, formats] = [await readStrings(office), await readFormats(office)];
  for (const [index, { name, path }] of sheets.entries()) {
    builder.page(index + 1);
    let isNamed = false;
    const records = new RecordLines((line) => {
      if (!isNamed) builder.heading(1, name);
      isNamed = true;
      builder.line(line);
    });
    await office.read(path, new SheetReader({ strings, formats, from1904, row: (cells) => records.row(cells) }));
    records.end();
  }
  return builder.finish(await office.title());
}

async function readWorkbook(
  office: OfficePackage,
): Promise<{ sheets: { name: string; path: string }[]; from1904: boolean }> {
  const targets = new Map(
    (await office.relations(office.main)).filter(({ type }) => type === 'worksheet').map(({ id, path }) => [id, path]),
  );
  const all: { name: string; path: string; isHidden: boolean }[] = [];
  let from1904 = false;
  await office.read(office.main, {
    open: (name, attributes) => {
      if (name === 'workbookPr') from1904 = ['1', 'true'].includes(attributes['date1904'] ?? '');
      const path = name === 'sheet' ? targets.get(attributes['r:id'] ?? '') : undefined;
      if (path !== undefined)
        all.push({ name: attributes['name'] ?? '', path, isHidden: (attributes['state'] ?? 'visible') !== 'visible' });
    },
  });
  const shown = all.filter(({ isHidden }) => !isHidden);
  return { sheets: shown.length > 0 ? shown : all, from1904 };
}

/** Texts that cells refer to by number; how they are pronounced is left out. */
async function readStrings(office: OfficePackage): Promise<string[]> {
  const strings: string[] = [];
  let text = '';
  let isText = false;
  let isPhonetic = false;
  for (const path of await office.related(office.main, 'sharedStrings'))
    await office.read(path, {
      open: (name) => {
        if (name === 'si') text = '';
        if (name === 'rPh') isPhonetic = true;
        isText = name === 't' && !isPhonetic;
      },
      text: (part) => {
        if (isText) text += part;
      },
      close: (name) => {
        isText = false;
        if (name === 'rPh') isPhonetic = false;
        if (name === 'si' && strings.length < MAX_STRINGS) strings.push(text);
      },
    });
  return strings;
}
