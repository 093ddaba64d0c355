import { estimateTokens } from '../models/token-estimate.js';
import { passageTokens } from '../models/passages.js';
import { passageOf } from '../rag/search/search.service.js';
import type { SearchResultDto } from '../rag/search/search.dto.js';

/** Of a window, for what stands around the texts of a prompt. */
const AROUND_TOKENS = 1_000;

/** What else has a share in a model's window. */
interface Prompt {
  window: number;
  maxOutputTokens: number;
  texts: readonly string[];
}

/** The best passages, as many as a prompt has room for; the best one in any case. */
export function passagesWithin(found: readonly SearchResultDto[], prompt: Prompt): SearchResultDto[] {
  const taken = prompt.maxOutputTokens + estimateTokens(prompt.texts.join('\n')) + AROUND_TOKENS;
  let room = prompt.window - taken;
  const end = found.findIndex((result) => (room -= passageTokens(passageOf(result))) < 0);
  return end < 0 ? [...found] : found.slice(0, Math.max(1, end));
}
