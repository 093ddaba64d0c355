import { TextDecoder } from 'node:util';
import { Parser } from 'htmlparser2';
import { DocumentFault } from './document-fault.js';
import { encodingOf } from './decoded-text.js';

const MAX_DEPTH = 1_000;

export type Attributes = Record<string, string>;

/** Names come without their prefix, attributes with theirs. */
export interface XmlReader {
  open?: (name: string, attributes: Attributes) => void;
  text?: (text: string) => void;
  close?: (name: string) => void;
}

/** Reads XML as it comes. Document types mean nothing to the parser: no entity of theirs is expanded, nothing is fetched. */
export async function readXml(chunks: AsyncIterable<Uint8Array>, reader: XmlReader): Promise<void> {
  let depth = 0;
  const parser = new Parser(
    {
      onopentag: (name, attributes) => {
        if (++depth > MAX_DEPTH) throw new DocumentFault('too_complex');
        reader.open?.(local(name), attributes);
      },
      ontext: (text) => reader.text?.(text),
      onclosetag: (name) => {
        depth--;
        reader.close?.(local(name));
      },
    },
    { xmlMode: true, decodeEntities: true },
  );
  let decoder: TextDecoder | undefined;
  for await (const chunk of chunks) {
    decoder ??= new TextDecoder(markedAs(chunk));
    parser.write(decoder.decode(chunk, { stream: true }));
  }
  parser.end();
}

function markedAs(chunk: Uint8Array): string {
  const encoding = encodingOf(chunk.subarray(0, 256));
  return encoding.startsWith('utf-16') ? encoding : 'utf-8';
}

function local(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

export function attribute(attributes: Attributes, name: string): string | undefined {
  return attributes[name] ?? attributes[local(name)];
}
