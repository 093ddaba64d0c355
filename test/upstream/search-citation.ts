import { searchResultsOf, type Block, type MessagesRequest } from './messages-api.js';

/** A citation of the blocks that hold these words, as the API makes it: whole blocks, one after the other. */
export function citationOf(words: string, request: MessagesRequest): Record<string, unknown> {
  const results = searchResultsOf(request).filter(
    ({ citations }) => (citations as { enabled?: boolean } | null)?.enabled,
  );
  for (const [index, { content, source, title }] of results.entries()) {
    const texts = (content as Block[]).map(({ text = '' }) => text);
    const at = texts.join('').indexOf(words);
    if (at < 0) continue;
    const ends = texts.map((_text, position) => texts.slice(0, position + 1).join('').length);
    const start = ends.findIndex((end) => end > at);
    const end = ends.findIndex((each) => each >= at + words.length) + 1;
    return {
      ...{ type: 'search_result_location', cited_text: texts.slice(start, end).join(''), search_result_index: index },
      ...{ source, title, start_block_index: start, end_block_index: end },
    };
  }
  throw new Error(`No search result of the request holds "${words}"`);
}
