import type { ParsedText } from '../src/modules/rag/chunking/chunk.js';

export const plain = (text: string): ParsedText => ({ text, sections: [], pages: [] });

/** With its headings found as simply as it gets. */
export function markdown(text: string): ParsedText {
  const sections = [...text.matchAll(/^(#{1,6}) (.*)$/gm)].map(([, marks = '', title = ''], index, all) => ({
    level: marks.length,
    title,
    start: [...text.matchAll(/^#{1,6} /gm)][index]?.index ?? all.length,
  }));
  return { text, sections, pages: [] };
}
