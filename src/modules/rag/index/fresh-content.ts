import type { IndexedChunk } from './indexed-chunk.js';
import { PostingsWriter, type Postings } from './postings.js';

/** Lengths of the word and of its postings, how many these are, and the chunk of the last one. */
const HEAD = 16;

/** The words of successive chunks, each with its postings; chunks count from the first of these. */
export function encodeFresh(chunks: readonly IndexedChunk[]): Buffer {
  const first = chunks[0]?.position ?? 0;
  const writers = new Map<string, PostingsWriter>();
  chunks.forEach(({ position, terms, length }, at) => {
    if (position !== first + at) throw new Error('Chunks are indexed in their order, with none left out');
    for (const [term, frequency] of terms) {
      let writer = writers.get(term);
      if (!writer) writers.set(term, (writer = new PostingsWriter()));
      writer.add(at, frequency, length);
    }
  });
  const parts: Buffer[] = [];
  for (const [term, writer] of writers) {
    const { count, last, postings } = writer.finish();
    const name = Buffer.from(term);
    const head = Buffer.allocUnsafe(HEAD);
    head.writeUInt32LE(name.length, 0);
    head.writeUInt32LE(postings.length, 4);
    head.writeUInt32LE(count, 8);
    head.writeUInt32LE(last, 12);
    parts.push(head, name, postings);
  }
  return Buffer.concat(parts);
}

/** Of all words, or of those wanted. */
export function* decodeFresh(
  content: Buffer,
  wanted?: ReadonlySet<string>,
): Generator<[term: string, postings: Postings]> {
  const lengths = wanted && new Set([...wanted].map((term) => Buffer.byteLength(term)));
  for (let at = 0; at < content.length;) {
    const nameLength = content.readUInt32LE(at);
    const start = at + HEAD + nameLength;
    const end = start + content.readUInt32LE(at + 4);
    if (!lengths || lengths.has(nameLength)) {
      const term = content.toString('utf8', at + HEAD, start);
      if (!wanted || wanted.has(term)) {
        const [count, last] = [content.readUInt32LE(at + 8), content.readUInt32LE(at + 12)];
        yield [term, { count, last, postings: content.subarray(start, end) }];
      }
    }
    at = end;
  }
}
