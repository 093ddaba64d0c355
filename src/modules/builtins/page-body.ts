import { TextDecoder } from 'node:util';

const MOST_BYTES = 5 * 1024 * 1024;
/** Where a page says in which charset it is, it does so early. */
const SEARCHED = 2048;

export interface PageBody {
  readonly type: string;
  readonly text: string;
  readonly isCut: boolean;
}

/** The beginning of the body as text; null where it is none. */
export async function pageBody(response: Response): Promise<PageBody | null> {
  const contentType = response.headers.get('content-type') ?? '';
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  if (!isText(type)) {
    await response.body?.cancel();
    return null;
  }
  const { bytes, isCut } = await beginning(response);
  // What is not said to be anything is taken for text unless it plainly is none.
  if (type === '' && bytes.subarray(0, SEARCHED).includes(0)) return null;
  const charset = /charset=["']?([^\s"';]+)/i.exec(contentType)?.[1] ?? charsetWithin(bytes);
  return { type, isCut, text: decoder(charset).decode(bytes) };
}

function isText(type: string): boolean {
  return type === '' || /^text\/|[/+](json|xml|javascript|x-ndjson|yaml|x-yaml|csv|xhtml)$/.test(type);
}

async function beginning({ body }: Response): Promise<{ bytes: Buffer; isCut: boolean }> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop breaks off what would follow.
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > MOST_BYTES) break;
  }
  return { bytes: Buffer.concat(chunks).subarray(0, MOST_BYTES), isCut: length > MOST_BYTES };
}

function charsetWithin(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return /<meta[^>]{0,200}charset=["']?([\w-]+)/i.exec(bytes.toString('latin1', 0, SEARCHED))?.[1] ?? 'utf-8';
}

function decoder(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}
