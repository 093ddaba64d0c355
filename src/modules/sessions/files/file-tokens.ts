import { isImage, isText } from '../../../platform/documents/sniffed-type.js';
import { tokensOfBytes } from '../../models/token-estimate.js';
import type { StoredFile } from './file.js';

/** Anthropic: an image takes width × height / 750 tokens, after it was scaled down to some 4,800 at most. */
const PIXELS_PER_TOKEN = 750;
const MAX_IMAGE_TOKENS = 4_800;
/** Anthropic: 1,500 to 3,000 tokens a page, text and picture. */
const TOKENS_PER_PAGE = 3_000;

/** Roughly what a file takes of a prompt. */
export function fileTokens(file: Pick<StoredFile, 'mimeType' | 'sizeBytes' | 'width' | 'height' | 'pages'>): number {
  if (isText(file.mimeType)) return tokensOfBytes(file.sizeBytes);
  if (!isImage(file.mimeType)) return (file.pages ?? 0) * TOKENS_PER_PAGE;
  return Math.min(Math.ceil(((file.width ?? 0) * (file.height ?? 0)) / PIXELS_PER_TOKEN), MAX_IMAGE_TOKENS);
}
