import { searchResultsOf, type Block, type MessagesRequest } from './messages-api.js';

const FIELDS = ['type', 'source', 'title', 'content', 'citations', 'cache_control'];

/** The fault of a search result as the API words it, to follow the block's path; undefined when there is none. */
export function faultOfSearchResult(block: Block): string | undefined {
  const unknown = Object.keys(block).find((key) => !FIELDS.includes(key));
  if (unknown) return `.${unknown}: Extra inputs are not permitted`;
  for (const field of ['source', 'title'] as const) {
    const value: unknown = block[field];
    if (typeof value !== 'string') return `.${field}: Field required`;
    if (value.trim() === '') return `.${field}: String should have at least 1 character`;
  }
  if (!Array.isArray(block.content)) return '.content: Input should be a valid list';
  if (block.content.length === 0) return '.content: List should have at least 1 item after validation';
  for (const [index, part] of (block.content as Block[]).entries()) {
    if (part.type !== 'text') return `.content.${index}: Input should be 'text'`;
    if (typeof part.text !== 'string' || part.text.trim() === '')
      return `.content.${index}.text: text content blocks must contain non-whitespace text`;
  }
  const { citations = {} } = block;
  if (typeof citations !== 'object' || citations === null) return '.citations: Input should be a valid dictionary';
  const strange = Object.entries(citations).find(([key, value]) => key !== 'enabled' || typeof value !== 'boolean');
  return strange ? `.citations.${strange[0]}: Input should be a valid boolean` : undefined;
}

/** All or none of a request's. */
export function faultOfCitations(request: MessagesRequest): string | undefined {
  const results = searchResultsOf(request);
  const cited = results.filter(({ citations }) => (citations as { enabled?: boolean } | undefined)?.enabled).length;
  return cited === 0 || cited === results.length
    ? undefined
    : 'citations: Citations must be enabled for all search_result blocks or for none of them';
}
