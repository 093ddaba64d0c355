import { DomHandler, Parser } from 'htmlparser2';
import { decodedText } from './decoded-text.js';
import { DocumentFault } from './document-fault.js';
import { textOf, type Markup, type MarkupElement } from './html-tree.js';
import { mainContent } from './html-main-content.js';
import { HtmlWriter } from './html-writer.js';
import type { ParsedDocument } from './parsed-document.js';
import { TextBuilder, usableTitle } from './text-builder.js';
import type { WorkBudget } from './work-budget.js';

/** As browsers do, which put what is deeper beside instead. */
const DEEPEST = 400;
const MAX_DEPTH = 20_000;

export function parseHtml(bytes: Uint8Array, budget: WorkBudget, declared?: string): ParsedDocument {
  return parseHtmlText(decodedText(bytes, declared ?? declaredEncoding(bytes)), budget);
}

/** What a page says, without what leads to other pages; as Markdown. */
export function parseHtmlText(source: string, budget: WorkBudget): ParsedDocument {
  const root = treeOf(source);
  const title = titleOf(root);
  for (const content of [mainContent(root), root]) {
    const builder = new TextBuilder(budget);
    new HtmlWriter(builder).write(content);
    try {
      return builder.finish(title);
    } catch (error) {
      // Nothing but navigation, which is then what there is.
      if (content === root || !(error instanceof DocumentFault) || error.code !== 'no_text') throw error;
    }
  }
  throw new DocumentFault('no_text');
}

function declaredEncoding(bytes: Uint8Array): string | undefined {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 4096));
  return (
    /<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w-]{2,30})/i.exec(head)?.[1] ??
    /^<\?xml[^>]{0,100}encoding=["']([\w-]{2,30})/i.exec(head)?.[1]
  );
}

function treeOf(source: string): Markup {
  const tree = new DomHandler();
  let depth = 0;
  const parser = new Parser(
    {
      onparserinit: (made) => tree.onparserinit(made),
      onopentag: (name, attributes) => {
        depth++;
        if (depth > MAX_DEPTH) throw new DocumentFault('too_complex');
        if (depth <= DEEPEST) tree.onopentag(name, attributes);
      },
      onclosetag: () => {
        if (depth-- <= DEEPEST) tree.onclosetag();
      },
      ontext: (text) => tree.ontext(text),
      onend: () => tree.onend(),
    },
    { decodeEntities: true },
  );
  parser.end(source);
  return tree.root;
}

function titleOf(root: Markup): string | null {
  let title: string | null = null;
  let shared: string | null = null;
  const look = (node: Markup): void => {
    for (const child of node.children as MarkupElement[]) {
      if (child.name === 'title' && title === null) title = textOf(child);
      if (child.name === 'meta' && child.attribs['property'] === 'og:title')
        shared ??= child.attribs['content'] ?? null;
      if (child.name === 'html' || child.name === 'head') look(child);
    }
  };
  look(root);
  return usableTitle(shared) ?? usableTitle(title);
}
