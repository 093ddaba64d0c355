import { elementsOf, isText, type Markup, type MarkupElement } from './html-tree.js';

/** What is never read. */
const SILENT = new Set(
  'script style noscript template svg math canvas iframe object embed applet head link meta base dialog button input select textarea audio video map'.split(
    ' ',
  ),
);
const AROUND = new Set(['nav', 'footer', 'aside', 'header', 'menu']);
const AROUND_ROLES =
  /^(navigation|banner|contentinfo|search|complementary|menu|menubar|toolbar|dialog|alertdialog|tablist)$/;
/** Words in classes and ids that say what a part is for. */
const AROUND_WORDS =
  /(^|[-_\s])(nav|navbar|navbox|navigation|menu|breadcrumbs?|sidebar|side-bar|footer|cookies?|consent|social|share|sharing|adverts?|advertisement|ads|promo|popup|modal|newsletter|subscribe|related|pagination|pager|skip-?links?|jump-?link|noprint|toc|editsection|toolbar|masthead|catlinks)(?=$|[-_\s])/i;

interface Measure {
  text: number;
  linked: number;
}

/** The tree without what surrounds its contents, or the one part of it that says it is the main one. */
export function mainContent(root: Markup): Markup {
  const measures = new Map<Markup, Measure>();
  prune(root, false, (element) => isSilent(element));
  measure(root, measures);
  const marked = markedMain(root, measures);
  const main = marked ?? root;
  const whole = measures.get(main)?.text ?? 0;
  prune(main, true, (element, inArticle) =>
    isAround(element, measures.get(element), whole, marked !== null || inArticle),
  );
  return main;
}

function prune(
  node: Markup,
  isTop: boolean,
  isDropped: (element: MarkupElement, inArticle: boolean) => boolean,
  inArticle = false,
): void {
  const within = inArticle || (!isTop && 'name' in node && ['main', 'article'].includes(node.name));
  node.children = node.children.filter((child) => !('attribs' in child) || !isDropped(child, within));
  for (const child of elementsOf(node)) prune(child, false, isDropped, within);
}

function isSilent({ name, attribs }: MarkupElement): boolean {
  if (SILENT.has(name)) return name !== 'head';
  if ('hidden' in attribs && attribs['hidden'] !== 'until-found') return true;
  return (
    attribs['aria-hidden'] === 'true' || /display\s*:\s*none|visibility\s*:\s*hidden/i.test(attribs['style'] ?? '')
  );
}

function isAround(element: MarkupElement, size: Measure | undefined, whole: number, isInside: boolean): boolean {
  const { name, attribs } = element;
  const { text, linked } = size ?? { text: 0, linked: 0 };
  const isWhole = text > whole * 0.5;
  if (name === 'head' || name === 'nav' || AROUND_ROLES.test(attribs['role'] ?? '')) return !isWhole || name === 'head';
  // Inside of an article these hold its title, its notes and its asides.
  if (AROUND.has(name) && !isInside) return !isWhole;
  const words = `${attribs['class'] ?? ''} ${attribs['id'] ?? ''}`;
  if (AROUND_WORDS.test(words)) return text < whole * 0.3 && (linked > text * 0.3 || text < 300);
  const isList = ['ul', 'ol', 'div', 'section', 'table', 'td'].includes(name);
  return !isInside && isList && text > 0 && text < whole * 0.3 && linked > text * 0.85 && linksIn(element) >= 5;
}

function linksIn(element: MarkupElement): number {
  return elementsOf(element).reduce((sum, child) => sum + (child.name === 'a' ? 1 : linksIn(child)), 0);
}

function measure(node: Markup, measures: Map<Markup, Measure>): Measure {
  const size: Measure = { text: 0, linked: 0 };
  for (const child of node.children) {
    if (isText(child)) size.text += child.data.replace(/\s+/g, ' ').trim().length;
    else if ('attribs' in child) {
      const inner = measure(child, measures);
      size.text += inner.text;
      size.linked += child.name === 'a' ? inner.text : inner.linked;
    }
  }
  measures.set(node, size);
  return size;
}

/** The largest that is marked as main content, unless most of the page is elsewhere. */
function markedMain(root: Markup, measures: Map<Markup, Measure>): MarkupElement | null {
  const mains: MarkupElement[] = [];
  const articles: MarkupElement[] = [];
  const find = (node: Markup): void => {
    for (const child of elementsOf(node)) {
      if (child.name === 'main' || child.attribs['role'] === 'main') mains.push(child);
      else if (child.name === 'article' || child.attribs['role'] === 'article') articles.push(child);
      find(child);
    }
  };
  find(root);
  const sizeOf = (node: Markup): number => measures.get(node)?.text ?? 0;
  const largest = (of: MarkupElement[]): MarkupElement | null =>
    of.reduce<MarkupElement | null>((best, one) => (best && sizeOf(best) >= sizeOf(one) ? best : one), null);
  const main = largest(mains);
  if (main && sizeOf(main) >= Math.min(200, sizeOf(root) * 0.3)) return main;
  const article = largest(articles);
  return article && sizeOf(article) >= sizeOf(root) * 0.4 ? article : null;
}
