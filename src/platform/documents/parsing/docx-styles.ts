import type { OfficePackage } from './office-package.js';
import { attribute } from './xml.js';

export interface ParagraphStyle {
  /** 1–9 of a heading. */
  level: number | null;
  isTitle: boolean;
  /** A line of a table of contents, which only says the headings again. */
  isContents: boolean;
  list: { id: string; level: number } | null;
}

interface WrittenStyle {
  name: string;
  basedOn: string | undefined;
  outline: number | null;
  listId: string | null;
  listLevel: number;
}

export async function readStyles(office: OfficePackage): Promise<Map<string, ParagraphStyle>> {
  const written = new Map<string, WrittenStyle>();
  let style: WrittenStyle | null = null;
  for (const path of await office.related(office.main, 'styles'))
    await office.read(path, {
      open: (name, attributes) => {
        const value = attribute(attributes, 'w:val');
        if (name === 'style') {
          style = { name: '', basedOn: undefined, outline: null, listId: null, listLevel: 0 };
          written.set(attribute(attributes, 'w:styleId') ?? '', style);
        } else if (!style || value === undefined) return;
        else if (name === 'name') style.name = value.toLowerCase();
        else if (name === 'basedOn') style.basedOn = value;
        else if (name === 'outlineLvl') style.outline = Number(value);
        else if (name === 'numId') style.listId = value;
        else if (name === 'ilvl') style.listLevel = Number(value);
      },
    });
  return new Map([...written.keys()].map((id) => [id, styleOf(id, written)]));
}

/** What is not said of a style is what the one it is based on says. */
function styleOf(id: string, written: Map<string, WrittenStyle>): ParagraphStyle {
  const found: ParagraphStyle = { level: null, isTitle: false, isContents: false, list: null };
  let style = written.get(id);
  for (let steps = 0; style && steps < 10; steps++) {
    const level = /^heading ([1-9])$/.exec(style.name)?.[1];
    if (level !== undefined) found.level ??= Number(level);
    else if (style.outline !== null && style.outline < 9) found.level ??= style.outline + 1;
    found.isTitle ||= style.name === 'title';
    found.isContents ||= /^toc \d$/.test(style.name);
    if (style.listId !== null) found.list ??= { id: style.listId, level: style.listLevel };
    style = style.basedOn === undefined ? undefined : written.get(style.basedOn);
  }
  return found;
}
