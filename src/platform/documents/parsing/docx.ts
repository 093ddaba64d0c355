import { DocxBody } from './docx-body.js';
import { readNumbering } from './docx-numbering.js';
import { readStyles } from './docx-styles.js';
import type { OfficePackage } from './office-package.js';
import type { ParsedDocument } from './parsed-document.js';
import { TextBuilder } from './text-builder.js';
import type { WorkBudget } from './work-budget.js';
import { attribute } from './xml.js';

/** Headings, lists, tables and notes of a Word document; not what stands above and below its pages. */
export async function parseDocx(office: OfficePackage, budget: WorkBudget): Promise<ParsedDocument> {
  const [styles, numbering, notes] = [await readStyles(office), await readNumbering(office), await readNotes(office)];
  const builder = new TextBuilder(budget);
  const body = new DocxBody({ builder, styles, numbering, notes });
  await office.read(office.main, body);
  return builder.finish((await office.title()) ?? body.title);
}

/** Footnotes and endnotes by what refers to them. */
async function readNotes(office: OfficePackage): Promise<Map<string, string>> {
  const notes = new Map<string, string>();
  for (const kind of ['footnote', 'endnote']) {
    for (const path of await office.related(office.main, `${kind}s`)) {
      let id = '';
      let text = '';
      let isText = false;
      await office.read(path, {
        open: (name, attributes) => {
          if (name === kind) {
            id = attribute(attributes, 'w:type') === undefined ? (attribute(attributes, 'w:id') ?? '') : '';
            text = '';
          }
          isText = name === 't';
          if (name === 'p' || name === 'br' || name === 'tab') text += ' ';
        },
        text: (part) => {
          if (isText) text += part;
        },
        close: (name) => {
          isText = false;
          if (name === kind && id !== '') notes.set(`${kind}${id}`, text.replace(/\s+/g, ' ').trim());
        },
      });
    }
  }
  return notes;
}
