import type { OfficePackage } from './office-package.js';
import type { ParsedDocument } from './parsed-document.js';
import { readChart } from './pptx-chart.js';
import { SlideReader } from './pptx-slide.js';
import { tableText } from './table-text.js';
import { TextBuilder } from './text-builder.js';
import type { WorkBudget } from './work-budget.js';

/** A page for each slide: its title, its texts, tables, charts and diagrams, and what its speaker noted. */
export async function parsePptx(office: OfficePackage, budget: WorkBudget): Promise<ParsedDocument> {
  const builder = new TextBuilder(budget);
  const slides = await slidesOf(office);
  let first: string | null = null;
  for (const [index, path] of slides.entries()) {
    builder.page(index + 1);
    const slide = new SlideReader();
    await office.read(path, slide);
    if (slide.title !== '') builder.heading(1, slide.title);
    first ??= slide.title === '' ? null : slide.title;
    for (const block of slide.blocks) builder.paragraph(typeof block === 'string' ? block : tableText(block));
    await writeRelated(office, path, builder);
  }
  return builder.finish((await office.title()) ?? first);
}

async function slidesOf(office: OfficePackage): Promise<string[]> {
  const targets = new Map((await office.relations(office.main)).map(({ id, path }) => [id, path]));
  const slides: string[] = [];
  await office.read(office.main, {
    open: (name, attributes) => {
      const path = name === 'sldId' ? targets.get(attributes['r:id'] ?? '') : undefined;
      if (path !== undefined) slides.push(path);
    },
  });
  return slides;
}

async function writeRelated(office: OfficePackage, slide: string, builder: TextBuilder): Promise<void> {
  for (const { type, path } of await office.relations(slide)) {
    if (type === 'chart') {
      const { title, rows } = await readChart(office, path);
      builder.paragraph([title, tableText(rows)].filter((part) => part !== '').join('\n\n'));
    } else if (type === 'diagramData') {
      const diagram = new SlideReader();
      await office.read(path, diagram);
      builder.paragraph(diagram.blocks.filter((block) => typeof block === 'string').join('\n'));
    } else if (type === 'notesSlide') {
      const notes = new SlideReader('body');
      await office.read(path, notes);
      const text = notes.blocks.filter((block) => typeof block === 'string').join('\n');
      if (text !== '') builder.paragraph(`Notes: ${text}`);
    }
  }
}
