import { crc32, deflateSync } from 'node:zlib';
import type { Client } from './client.js';
import { publicData } from './public-data.js';

export interface Uploaded {
  id: string;
  name: string;
  mimeType: string;
  sizeBytes: number;
  createdAt: string;
}

export function formOf(bytes: Uint8Array | string, name = 'notes.txt', type = 'application/octet-stream'): FormData {
  const form = new FormData();
  form.append('file', new File([bytes], name, { type }));
  return form;
}

export async function upload(as: Client, bytes: Uint8Array | string, name?: string, type?: string): Promise<Uploaded> {
  return (await as.post('/files', formOf(bytes, name, type)).expect(201)).json<Uploaded>();
}

/** Undefined where the documents are not. */
export function document(name: string): Buffer | undefined {
  return publicData(`documents/${name}`);
}

/** A whole one, grey; `says` is the size its header gives where that is not the truth. */
export function png(width = 2, height = 2, says = { width, height }): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(says.width, 0);
  header.writeUInt32BE(says.height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const rows = Buffer.alloc((width + 1) * height, 0x80).map((byte, index) => (index % (width + 1) === 0 ? 0 : byte));
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** The smallest GIF there is, with another size. */
export function gif(width = 1, height = 1): Buffer {
  const bytes = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
  for (const at of [6, 32]) {
    bytes.writeUInt16LE(width, at);
    bytes.writeUInt16LE(height, at + 2);
  }
  return bytes;
}

/** Headers of a JPEG, behind so much of other segments. */
export function jpeg(width = 1, height = 1, before = 0): Buffer {
  const segments = Array.from({ length: Math.ceil(before / 60_000) }, () => segment(0xe1, Buffer.alloc(60_000)));
  const frame = Buffer.from([8, 0, 0, 0, 0, 1, 1, 0x11, 0]);
  frame.writeUInt16BE(height, 1);
  frame.writeUInt16BE(width, 3);
  return Buffer.concat([Buffer.from([0xff, 0xd8]), ...segments, segment(0xc0, frame), Buffer.from([0xff, 0xd9])]);
}

function segment(marker: number, data: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(data.length + 2, 2);
  return Buffer.concat([head, data]);
}

/** Of the lossless kind; only its headers. */
export function webp(width = 1, height = 1): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.write('RIFF', 0, 'latin1');
  bytes.writeUInt32LE(24, 4);
  bytes.write('WEBPVP8L', 8, 'latin1');
  bytes.writeUInt32LE(12, 16);
  bytes.writeUInt8(0x2f, 20);
  bytes.writeUInt32LE(((width - 1) | ((height - 1) << 14)) >>> 0, 21);
  return bytes;
}

/** One text a page. */
export function pdf(...pages: string[]): Buffer {
  const ids = pages.map((_, index) => 4 + 2 * index);
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Count ${pages.length} /Kids [${ids.map((id) => `${id} 0 R`).join(' ')}] >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    ...pages.flatMap((text, index) => {
      const content = `BT /F1 12 Tf 72 720 Td (${text.replace(/[\\()]/g, '\\$&')}) Tj ET`;
      return [
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${(ids[index] ?? 0) + 1} 0 R ` +
          '/Resources << /Font << /F1 3 0 R >> >> >>',
        `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
      ];
    }),
  ];
  let text = '%PDF-1.4\n';
  const offsets = objects.map((object, index) => {
    const offset = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, '0')} 00000 n \n`;
  });
  const size = objects.length + 1;
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${offsets.join('')}`;
  return Buffer.from(`${text}${table}trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${text.length}\n%%EOF\n`);
}

/** A page whose content unpacks to a thousand times its size, many times over. */
export function bombPdf(): Buffer {
  const megabytes = deflateSync(Buffer.from('BT (boom) Tj ET '.repeat(16_000_000)));
  const head = `<< /Length ${megabytes.length} /Filter /FlateDecode >>\nstream\n`;
  const plain = pdf('x').toString('latin1');
  const stream = /<< \/Length \d+ >>\nstream\n[^]*?\nendstream/;
  return Buffer.from(
    plain.replace(stream, () => `${head}${megabytes.toString('latin1')}\nendstream`),
    'latin1',
  );
}
