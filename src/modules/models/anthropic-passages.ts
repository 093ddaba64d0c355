import type Anthropic from '@anthropic-ai/sdk';
import type { Passage } from '../../contracts/passage.js';
import { citablePieces } from './citable-pieces.js';
import type { CitationClaim } from './quotes.js';

const LONGEST_TITLE = 500;

/** Citations as they are streamed; gateways leave things out. */
export interface RawCitation {
  type: string;
  cited_text?: unknown;
  source?: unknown;
  search_result_index?: unknown;
  start_block_index?: unknown;
}

/** As Claude cites them: the sentences of each are what a citation may consist of. */
export function searchResults(passages: readonly Passage[]): Anthropic.SearchResultBlockParam[] {
  return passages
    .filter(({ content }) => content.trim() !== '')
    .map((passage) => ({
      type: 'search_result',
      source: passage.chunkId,
      title: titleOf(passage),
      content: citablePieces(passage.content).map(({ start, end }) => ({
        type: 'text',
        text: passage.content.slice(start, end),
      })),
      // The same in all of a request, as the API demands.
      citations: { enabled: true },
    }));
}

/** The sources of all search results of a request, in the order by which citations number them. */
export function searchResultsOf(messages: readonly Anthropic.MessageParam[]): string[] {
  return messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content.flatMap(sourcesOf)));
}

/** What a citation claims; nothing where it is of no kind that could be of a passage. */
export function toClaim(citation: RawCitation, sources: readonly string[]): CitationClaim[] {
  const { type, cited_text: text, source, search_result_index: index, start_block_index: piece } = citation;
  const quote = typeof text === 'string' ? text : '';
  // Of a document: gateways that have passages as such say so.
  if (type === 'char_location') return sources.length > 0 ? [{ chunkIds: null, quote, piece: null }] : [];
  if (type !== 'search_result_location') return [];
  const named = sources.find((each) => each === source);
  const numbered = typeof index === 'number' ? sources[index] : undefined;
  const chunkIds = [named, numbered].filter((each) => each !== undefined);
  return [{ chunkIds, quote, piece: typeof piece === 'number' ? piece : null }];
}

function titleOf({ title, headingPath = [], page }: Passage): string {
  const place = [title, ...headingPath].filter((part) => part.trim() !== '').join(' › ') || 'Untitled';
  const pageNumber = page ? ` (page ${String(page)})` : '';
  return place.slice(0, LONGEST_TITLE - pageNumber.length).toWellFormed() + pageNumber;
}

function sourcesOf(block: Anthropic.ContentBlockParam): string[] {
  if (block.type === 'search_result') return [block.source];
  if (block.type !== 'tool_result' || !Array.isArray(block.content)) return [];
  return block.content.flatMap((inside) => (inside.type === 'search_result' ? [inside.source] : []));
}
