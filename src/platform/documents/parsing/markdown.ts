import { cleanLine, cleanText, isVisible } from './clean-text.js';
import { DocumentFault } from './document-fault.js';
import type { ParsedDocument, Section } from './parsed-document.js';
import { usableTitle } from './text-builder.js';
import type { WorkBudget } from './work-budget.js';

/** Stays as it is. */
export function parsePlain(source: string, budget: WorkBudget): ParsedDocument {
  const text = cleanText(source).trimEnd();
  if (!isVisible(text)) throw new DocumentFault('empty');
  budget.write(text.length);
  return { text, title: null, sections: [], pages: [] };
}

/** The text stays as it is; its headings are found. */
export function parseMarkdown(source: string, budget: WorkBudget): ParsedDocument {
  const document = parsePlain(source, budget);
  const front = /^---\n([^]{0,20000}?)\n(?:---|\.\.\.)(?:\n|$)/.exec(document.text);
  const sections = headingsOf(document.text, front?.[0].length ?? 0, budget);
  const named = front && /^title:[ \t]*(["']?)(.+)\1[ \t]*$/m.exec(front[1] ?? '')?.[2];
  return { ...document, sections, title: usableTitle(named ?? sections.find(({ level }) => level === 1)?.title) };
}

function headingsOf(text: string, from: number, budget: WorkBudget): Section[] {
  const sections: Section[] = [];
  let fence: string | null = null;
  let previous: { line: string; start: number } | null = null;
  for (let start = from; start < text.length;) {
    const end = text.indexOf('\n', start);
    const line = text.slice(start, end < 0 ? undefined : end);
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== null) {
      // A fence ends with one at least as long, of its kind, and nothing behind it.
      if (mark?.startsWith(fence) && line.trim() === mark) fence = null;
      previous = null;
    } else if (mark) {
      fence = mark;
      previous = null;
    } else {
      const heading = headingOf(line, start, previous);
      if (heading) {
        budget.mark();
        sections.push(heading);
      }
      previous =
        heading || line.trim() === '' || /^ {0,3}([-*+>|#]|\d+[.)]) ?| {4}|\t/.test(line) ? null : { line, start };
    }
    start = end < 0 ? text.length : end + 1;
  }
  return sections;
}

function headingOf(line: string, start: number, previous: { line: string; start: number } | null): Section | null {
  if (line.length > 1_000) return null;
  const marked = /^ {0,3}(#{1,6})(?:[ \t]+(.*))?$/.exec(line);
  if (marked) return sectionOf(marked[1]?.length ?? 1, (marked[2] ?? '').replace(/(^|[ \t]+)#+[ \t]*$/, ''), start);
  const underlined = previous && /^ {0,3}(=+|-{2,})[ \t]*$/.exec(line);
  return underlined ? sectionOf(underlined[1]?.startsWith('=') ? 1 : 2, previous.line, previous.start) : null;
}

function sectionOf(level: number, written: string, start: number): Section | null {
  const title = cleanLine(
    written.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[*_`]{1,3}(\S[^*_`]*)[*_`]{1,3}/g, '$1'),
  );
  return isVisible(title) ? { level, title: title.slice(0, 500), start } : null;
}
