import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  NoSuchKey,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import type { Settings } from '../config/settings.js';
import { isUuid } from '../http/id.decorator.js';
import {
  assertKey,
  BytesMissing,
  FileStorage,
  type ByteRange,
  type StorageKey,
  type StoredBytes,
} from './file-storage.js';

/** S3 takes no part but the last that is smaller than 5 MiB, and 10,000 parts: 80 GiB. */
const PART_BYTES = 8 * 1024 * 1024;
const DELETED_AT_ONCE = 8;
const CONNECT_LIMIT_MS = 5_000;
/** One that sends nothing for so long sends nothing any more; also whoever takes nothing. */
const IDLE_LIMIT_MS = 60_000;

/**
 * In a bucket, below `<area>/<tenant>/`. What is smaller than a part is put in one request, the rest in parts, of which one
 * at a time is held in memory; an object is there when its upload is completed.
 */
export class S3Storage extends FileStorage {
  private readonly client: S3Client;
  private readonly bucket: string;

  constructor(
    private readonly area: string,
    { bucket, endpoint, region, credentials }: NonNullable<Settings['s3']>,
    idleLimitMs = IDLE_LIMIT_MS,
  ) {
    super();
    this.bucket = bucket;
    this.client = new S3Client({
      region,
      ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
      // The client notes in them where they come from, and settings are frozen.
      ...(credentials === null ? {} : { credentials: { ...credentials } }),
      requestHandler: { connectionTimeout: CONNECT_LIMIT_MS, socketTimeout: idleLimitMs },
      // Other servers than Amazon's know the older checksums only.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
  }

  async put(key: StorageKey, content: AsyncIterable<Uint8Array>): Promise<void> {
    const target = { Bucket: this.bucket, Key: this.nameOf(key) };
    const parts = inParts(content);
    try {
      const first = await parts.next();
      const second = await parts.next();
      if (second.done) {
        await this.client.send(new PutObjectCommand({ ...target, Body: first.value ?? Buffer.alloc(0) }));
        return;
      }
      await this.putInParts(target, [first.value ?? Buffer.alloc(0), second.value], parts);
    } finally {
      // Who gives the content is told that no more of it is wanted.
      await parts.return(undefined);
    }
  }

  async read(key: StorageKey, range?: ByteRange): Promise<Readable> {
    const bytes = range ? `bytes=${range.start}-${range.end}` : undefined;
    try {
      const answer = await this.client.send(
        new GetObjectCommand({ Bucket: this.bucket, Key: this.nameOf(key), Range: bytes }),
      );
      return answer.Body as Readable;
    } catch (error) {
      if (error instanceof NoSuchKey) throw new BytesMissing('There are no such bytes', { cause: error });
      throw error;
    }
  }

  async delete(key: StorageKey): Promise<void> {
    await this.deleteNamed(this.nameOf(key));
  }

  async deleteAll(tenantId: string): Promise<void> {
    assertKey({ tenantId, id: tenantId });
    const prefix = `${this.area}/${tenantId}/`;
    for (;;) {
      const page = await this.client.send(new ListObjectsV2Command({ Bucket: this.bucket, Prefix: prefix }));
      const names = (page.Contents ?? []).flatMap(({ Key }) => Key ?? []);
      if (names.length === 0) break;
      for (let from = 0; from < names.length; from += DELETED_AT_ONCE)
        await Promise.all(names.slice(from, from + DELETED_AT_ONCE).map((name) => this.deleteNamed(name)));
    }
    await this.abortUploads(prefix, new Date());
  }

  async *all(): AsyncGenerator<StoredBytes> {
    const request = { Bucket: this.bucket, Prefix: `${this.area}/` };
    for await (const page of paginateListObjectsV2({ client: this.client }, request)) {
      for (const { Key: name, LastModified: storedAt } of page.Contents ?? []) {
        const [, tenantId, id, ...more] = name?.split('/') ?? [];
        // What else lies there is not ours.
        if (storedAt && isUuid(tenantId) && isUuid(id) && more.length === 0) yield { key: { tenantId, id }, storedAt };
      }
    }
  }

  async deleteDrafts(before: Date): Promise<void> {
    await this.abortUploads(`${this.area}/`, before);
  }

  private async putInParts(
    target: { Bucket: string; Key: string },
    first: Buffer[],
    rest: AsyncIterable<Buffer>,
  ): Promise<void> {
    const { UploadId } = await this.client.send(new CreateMultipartUploadCommand(target));
    try {
      const done: CompletedPart[] = [];
      for await (const body of joined(first, rest)) {
        const part = { ...target, UploadId, PartNumber: done.length + 1 };
        const { ETag } = await this.client.send(new UploadPartCommand({ ...part, Body: body }));
        done.push({ ETag, PartNumber: part.PartNumber });
      }
      const complete = { ...target, UploadId, MultipartUpload: { Parts: done } };
      await this.client.send(new CompleteMultipartUploadCommand(complete));
    } catch (error) {
      // Should it fail too, the sweeper of drafts comes by.
      await this.client.send(new AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => undefined);
      throw error;
    }
  }

  private async abortUploads(prefix: string, before: Date): Promise<void> {
    let after: { KeyMarker?: string; UploadIdMarker?: string } = {};
    for (;;) {
      const request = { Bucket: this.bucket, Prefix: prefix, ...after };
      const page = await this.client.send(new ListMultipartUploadsCommand(request));
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (!Key?.startsWith(prefix) || !Initiated || Initiated >= before) continue;
        await this.client.send(new AbortMultipartUploadCommand({ Bucket: this.bucket, Key, UploadId }));
      }
      if (!page.IsTruncated) return;
      after = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
  }

  private async deleteNamed(name: string): Promise<void> {
    await this.client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: name }));
  }

  private nameOf(key: StorageKey): string {
    assertKey(key);
    return `${this.area}/${key.tenantId}/${key.id}`;
  }
}

async function* joined(first: readonly Buffer[], rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* first;
  yield* rest;
}

/** All of a size but the last. */
async function* inParts(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, undefined> {
  let chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    chunks.push(chunk);
    size += chunk.length;
    while (size >= PART_BYTES) {
      const whole = Buffer.concat(chunks);
      yield whole.subarray(0, PART_BYTES);
      chunks = [whole.subarray(PART_BYTES)];
      size -= PART_BYTES;
    }
  }
  if (size > 0) yield Buffer.concat(chunks);
}
