import papaparse from 'papaparse';
import type { ParsedDocument } from './parsed-document.js';
import { RecordLines } from './record-lines.js';
import { TextBuilder } from './text-builder.js';
import type { WorkBudget } from './work-budget.js';

export function parseCsv(source: string, budget: WorkBudget, delimiter = ''): ParsedDocument {
  const builder = new TextBuilder(budget);
  const records = new RecordLines((line) => builder.line(line));
  papaparse.parse<string[]>(source.replace(/^\ufeff/, ''), {
    delimiter,
    delimitersToGuess: [',', ';', '\t', '|'],
    skipEmptyLines: true,
    step: ({ data }) => records.row(data),
  });
  records.end();
  return builder.finish(null);
}
