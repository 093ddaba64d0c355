import { blocksOf, type Block, type MessagesRequest, type Source } from './messages-api.js';

/** How the bytes of each type that the API takes begin. */
const BEGINNINGS: Record<string, RegExp> = {
  'image/png': /^\x89PNG\r\n\cZ\n/,
  'image/jpeg': /^\xff\xd8\xff/,
  'image/gif': /^GIF8[79]a/,
  'image/webp': /^RIFF[^]{4}WEBP/,
  'application/pdf': /^%PDF-/,
};
const MAX_IMAGE_BASE64 = 5 * 1024 * 1024;
const MAX_REQUEST_BYTES = 32_000_000;
const MAX_PAGES = 100;
const MAX_IMAGES_OF_ANY_SIZE = 20;

/** The fault of an image or a document as the API words it, to follow the block's path; undefined when there is none. */
export function faultOfFile(block: Block): string | undefined {
  const unknown = Object.keys(block).find(
    (key) => !['type', 'source', 'cache_control', ...(block.type === 'document' ? DOCUMENT_FIELDS : [])].includes(key),
  );
  if (unknown) return `.${unknown}: Extra inputs are not permitted`;
  const { source } = block;
  if (!source) return '.source: Field required';
  if (block.type === 'image') return faultOfBase64(source, 'image/');
  const { title } = block;
  if (title !== undefined && (typeof title !== 'string' || title === '' || title.length > 500))
    return '.title: String should have at most 500 characters';
  return source.type === 'text' ? faultOfText(source) : faultOfBase64(source, 'application/');
}

const DOCUMENT_FIELDS = ['title', 'context', 'citations'];

function faultOfText({ media_type, data }: Source): string | undefined {
  if (media_type !== 'text/plain') return ".source.text.media_type: Input should be 'text/plain'";
  return data?.trim() ? undefined : '.source.text.data: document text must be non-empty';
}

function faultOfBase64({ type, media_type = '', data }: Source, kind: string): string | undefined {
  if (type !== 'base64') return ".source.type: Input should be 'base64'";
  const beginning = BEGINNINGS[media_type];
  if (!beginning || !media_type.startsWith(kind)) return `.source.base64.media_type: Input should be ${kind}…`;
  const bytes = Buffer.from(data ?? '', 'base64');
  if (!data || bytes.toString('base64') !== data) return '.source.base64: invalid base64 data';
  if (kind === 'image/' && data.length > MAX_IMAGE_BASE64)
    return `.source.base64: image exceeds 5 MB maximum: ${data.length} bytes > ${MAX_IMAGE_BASE64} bytes`;
  return beginning.test(bytes.toString('latin1', 0, 16))
    ? undefined
    : `.source.base64: The file does not match the provided media type ${media_type}`;
}

/** What all files of a request may not be together. */
export function faultOfFiles(request: MessagesRequest): string | undefined {
  if (Buffer.byteLength(JSON.stringify(request)) > MAX_REQUEST_BYTES) return 'Request exceeds the maximum size';
  const blocks = request.messages.flatMap(blocksOf);
  const pages = blocks.map(({ source }) =>
    source?.media_type === 'application/pdf' ? pagesOf(Buffer.from(source.data ?? '', 'base64').toString('latin1')) : 0,
  );
  if (pages.reduce((sum, each) => sum + each, 0) > MAX_PAGES)
    return `A maximum of ${MAX_PAGES} PDF pages may be provided.`;
  return blocks.filter(({ type }) => type === 'image').length > MAX_IMAGES_OF_ANY_SIZE
    ? 'At least one of the image dimensions exceed max allowed size for many-image requests: 2000 pixels'
    : undefined;
}

/** As a plain PDF says it. */
function pagesOf(pdf: string): number {
  return Number(/\/Type \/Pages \/Count (\d+)/.exec(pdf)?.[1] ?? 1);
}
