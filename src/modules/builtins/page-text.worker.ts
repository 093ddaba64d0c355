import { convert } from 'html-to-text';

const LONGEST = 1_000_000;

/** What a page says, without what only a browser makes something of. Runs in a thread of its own, since pages are endless. */
export default function pageText({ html, url }: { html: string; url: string }): string {
  const title = /<title[^>]{0,200}>([^<]{1,500})</i.exec(html.slice(0, 200_000))?.[1];
  const absolute = (path: string): string => (path.startsWith('#') ? path : (URL.parse(path, url)?.href ?? path));
  const text = convert(html, {
    wordwrap: false,
    limits: { maxInputLength: 8_000_000, maxDepth: 200, maxChildNodes: 50_000 },
    selectors: [
      {
        selector: 'a',
        options: { pathRewrite: absolute, ignoreHref: false, hideLinkHrefIfSameAsText: true, noAnchorUrl: true },
      },
      ...['img', 'svg', 'nav', 'footer', 'form', 'iframe', 'noscript'].map((selector) => ({
        selector,
        format: 'skip',
      })),
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
      { selector: 'table', format: 'dataTable', options: { uppercaseHeaderCells: false } },
    ],
  });
  const heading = title === undefined ? '' : `${convert(title, { wordwrap: false })}\n\n`;
  return (heading + text).slice(0, LONGEST);
}
