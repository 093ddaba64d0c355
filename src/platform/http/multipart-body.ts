import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyFileStream, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy';
import { v7 } from 'uuid';
import { BadRequest } from '../../contracts/errors.js';
import type { FileStorage } from '../storage/file-storage.js';
import { assertNotEncoded, cutOff, hasBody, tooLarge, unsupported } from './body-refusals.js';
import { ContentProbe } from './content-probe.js';
import { fileName } from './file-name.js';
import { Upload } from './upload.js';

/** The one field that holds a file; others are text. */
const FILE_FIELD = 'file';
const MULTIPART = /^multipart\/form-data\s*;/i;
/** For everything but the file: boundaries, headers, text fields. */
const OVERHEAD_BYTES = 1024 * 1024;
const LIMITS = { fieldSize: 256 * 1024, fields: 50, files: 50, parts: 100, headerPairs: 20, headerSize: 16 * 1024 };

interface MultipartTarget {
  storage: FileStorage;
  tenantId: string;
  /** Of the file. */
  limitBytes: number;
}

/**
 * The fields of a multipart body: texts, and `file` as an Upload that has been stored while it came in. A field that is
 * given twice becomes a list, a file under another name null. Undefined when there is no body.
 * @throws BadRequest for what is broken or cut off; DomainError 413 for too much, 415 for any other kind. Nothing is left
 * then.
 */
export async function readMultipart(request: IncomingMessage, target: MultipartTarget): Promise<unknown> {
  const { headers } = request;
  if (!hasBody(headers)) return undefined;
  assertNotEncoded(headers);
  if (!MULTIPART.test(headers['content-type'] ?? '')) throw unsupported('The body must be multipart/form-data');
  if (Number(headers['content-length'] ?? 0) > target.limitBytes + OVERHEAD_BYTES)
    throw tooLarge('The file', target.limitBytes);
  return new MultipartReading(request, target).body();
}

class MultipartReading {
  private readonly fields = new Map<string, unknown[]>();
  private readonly uploads: Promise<Upload>[] = [];
  private readonly streams: Readable[] = [];
  private readonly parser: BusboyInstance;

  constructor(
    private readonly request: IncomingMessage,
    private readonly target: MultipartTarget,
  ) {
    this.parser = parserOf(request, target.limitBytes);
  }

  async body(): Promise<Record<string, unknown>> {
    try {
      await this.parse();
      const [upload] = await Promise.all(this.uploads);
      if (upload) this.add(FILE_FIELD, upload);
    } catch (error) {
      this.request.unpipe(this.parser);
      for (const stream of this.streams) stream.destroy(error as Error);
      for (const outcome of await Promise.allSettled(this.uploads))
        if (outcome.status === 'fulfilled') await outcome.value.deleteUnlessKept(this.target.storage);
      throw error;
    }
    const entries = [...this.fields].map(([name, values]) => [name, values.length > 1 ? values : values[0]] as const);
    return Object.fromEntries(entries);
  }

  private parse(): Promise<void> {
    return new Promise((resolve, reject) => {
      let size = 0;
      this.request.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > this.target.limitBytes + OVERHEAD_BYTES) reject(tooLarge('The file', this.target.limitBytes));
      });
      // A request that came whole is closed before its last bytes are stored.
      const onClose = () => this.request.complete || reject(cutOff());
      this.request.on('error', () => reject(cutOff())).once('close', onClose);
      this.parser.on('file', (field, stream, name) => this.onFile(field, stream, name, reject));
      this.parser.on('field', (field, value, _nameCut, isCut) => {
        if (isCut) reject(tooLarge('A field', LIMITS.fieldSize));
        else this.add(field, value);
      });
      for (const limit of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const)
        this.parser.on(limit, () => reject(new BadRequest('The body has too many parts')));
      this.parser.on('error', () => reject(new BadRequest('The body is not valid multipart/form-data')));
      this.parser.once('finish', resolve);
      this.request.pipe(this.parser);
    });
  }

  private onFile(field: string, stream: BusboyFileStream, name: string, reject: (error: unknown) => void): void {
    this.streams.push(stream);
    stream.on('error', () => reject(new BadRequest('The body is not valid multipart/form-data')));
    stream.once('limit', () => reject(tooLarge('The file', this.target.limitBytes)));
    if (field !== FILE_FIELD || this.uploads.length > 0) {
      this.add(field, null);
      stream.resume();
      return;
    }
    const upload = this.store(stream, name);
    this.uploads.push(upload);
    upload.catch(reject);
  }

  private async store(stream: Readable, name: string): Promise<Upload> {
    const key = { tenantId: this.target.tenantId, id: v7() };
    const probe = new ContentProbe();
    await this.target.storage.put(key, probe.watch(stream));
    return new Upload(fileName(name), key, probe.contents());
  }

  private add(field: string, value: unknown): void {
    this.fields.set(field, [...(this.fields.get(field) ?? []), value]);
  }
}

/** @throws BadRequest where the header names no boundary */
function parserOf({ headers }: IncomingMessage, limitBytes: number): BusboyInstance {
  try {
    return new Busboy({
      headers: headers as BusboyHeaders,
      limits: { ...LIMITS, fileSize: limitBytes },
      preservePath: true,
      // A file is what has a file's name; a type alone is believed of nothing.
      isPartAFile: (_field, _type, name) => name !== undefined,
    });
  } catch (cause) {
    throw new BadRequest('The body has no boundary', { cause });
  }
}
