import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Stored {
  bytes: Buffer;
  at: Date;
}

interface Uploading {
  name: string;
  at: Date;
  parts: Map<number, Buffer>;
}

const MIN_PART_BYTES = 5 * 1024 * 1024;
const PAGE = 3;

/** A bucket as S3 has them, over HTTP: objects whole and in ranges, lists in short pages, uploads in parts. */
export class FakeS3 {
  readonly bucket = 'atrium';
  readonly objects = new Map<string, Stored>();
  readonly uploads = new Map<string, Uploading>();
  /** What was asked for, in short. */
  readonly asked: string[] = [];
  /** Answers these requests with an error, told as in `asked`. */
  fails: (what: string) => boolean = () => false;
  /** Sends no more than half of an object, and waits. */
  stalls = false;
  private readonly server: Server = createServer((request, response) => void this.answer(request, response));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get environment(): Record<string, string> {
    const { port } = this.server.address() as AddressInfo;
    return {
      S3_ENDPOINT: `http://127.0.0.1:${port}`,
      S3_BUCKET: this.bucket,
      S3_ACCESS_KEY_ID: 'key',
      S3_SECRET_ACCESS_KEY: 'secret',
    };
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://s3');
    const [, bucket, ...rest] = decodeURIComponent(pathname).split('/');
    const name = rest.join('/');
    const chunks: Buffer[] = [];
    for await (const chunk of request.on('error', () => undefined)) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const parameters = [...query.keys()].filter((key) => key !== 'x-id' && key !== 'encoding-type').sort();
    const what = `${request.method} ${name}${parameters.length > 0 ? `?${parameters.join('&')}` : ''}`;
    this.asked.push(what);
    if (!/Credential=key\//.test(request.headers.authorization ?? '')) {
      refuse(response, 403, 'AccessDenied');
      return;
    }
    if (bucket !== this.bucket) {
      refuse(response, 404, 'NoSuchBucket');
      return;
    }
    if (this.fails(what)) {
      refuse(response, 400, 'InvalidRequest');
      return;
    }
    const uploadId = query.get('uploadId');
    const upload = uploadId === null ? undefined : this.uploads.get(uploadId);
    if (uploadId !== null && !upload) {
      refuse(response, 404, 'NoSuchUpload');
      return;
    }
    if (upload && uploadId !== null) {
      this.onUpload(request, response, { uploadId, upload, query, body });
      return;
    }
    if (name === '') {
      if (query.has('uploads')) this.listUploads(query, response);
      else this.list(query, response);
      return;
    }
    if (request.method === 'POST') {
      this.begin(name, response);
      return;
    }
    if (request.method === 'PUT') {
      this.objects.set(name, { bytes: body, at: new Date() });
      response.setHeader('ETag', etagOf(body));
      return void response.end();
    }
    if (request.method === 'DELETE') {
      this.objects.delete(name);
      return void response.writeHead(204).end();
    }
    this.get(name, request.headers.range, response);
  }

  private get(name: string, range: string | undefined, response: ServerResponse): void {
    const bytes = this.objects.get(name)?.bytes;
    if (!bytes) {
      refuse(response, 404, 'NoSuchKey');
      return;
    }
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    if (this.stalls) {
      response.setHeader('Content-Length', bytes.length);
      return void response.write(bytes.subarray(0, bytes.length / 2));
    }
    if (first === undefined) return void response.end(bytes);
    if (Number(first) >= bytes.length) {
      refuse(response, 416, 'InvalidRange');
      return;
    }
    response.writeHead(206, { 'Content-Range': `bytes ${first}-${last}/${bytes.length}` });
    response.end(bytes.subarray(Number(first), Number(last) + 1));
  }

  private list(query: URLSearchParams, response: ServerResponse): void {
    const [prefix, after] = [query.get('prefix') ?? '', query.get('continuation-token') ?? ''];
    const names = [...this.objects.keys()].filter((name) => name.startsWith(prefix) && name > after).sort();
    const page = names.slice(0, PAGE);
    const items = page.map((name) => {
      const { bytes, at } = this.objects.get(name)!;
      return `<Contents><Key>${name}</Key><LastModified>${at.toISOString()}</LastModified><Size>${bytes.length}</Size></Contents>`;
    });
    const next = names.length > PAGE ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
    const isTruncated = `<IsTruncated>${names.length > PAGE}</IsTruncated>`;
    answerXml(response, `<ListBucketResult>${isTruncated}${next}${items.join('')}</ListBucketResult>`);
  }

  private listUploads(query: URLSearchParams, response: ServerResponse): void {
    const prefix = query.get('prefix') ?? '';
    const items = [...this.uploads]
      .filter(([, { name }]) => name.startsWith(prefix))
      .map(
        ([id, { name, at }]) =>
          `<Upload><Key>${name}</Key><UploadId>${id}</UploadId><Initiated>${at.toISOString()}</Initiated></Upload>`,
      );
    answerXml(
      response,
      `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${items.join('')}</ListMultipartUploadsResult>`,
    );
  }

  private begin(name: string, response: ServerResponse): void {
    const id = randomUUID();
    this.uploads.set(id, { name, at: new Date(), parts: new Map() });
    answerXml(response, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }

  private onUpload(
    { method }: IncomingMessage,
    response: ServerResponse,
    given: { uploadId: string; upload: Uploading; query: URLSearchParams; body: Buffer },
  ): void {
    const { uploadId, upload, query, body } = given;
    if (method === 'DELETE') {
      this.uploads.delete(uploadId);
      return void response.writeHead(204).end();
    }
    if (method === 'PUT') {
      upload.parts.set(Number(query.get('partNumber')), body);
      response.setHeader('ETag', etagOf(body));
      return void response.end();
    }
    const named = [...body.toString().matchAll(/<ETag>(?:"|&quot;)?(\w+)(?:"|&quot;)?<\/ETag>/g)].map(([, tag]) => tag);
    const parts = [...upload.parts].sort(([one], [other]) => one - other).map(([, part]) => part);
    if (named.join() !== parts.map((part) => etagOf(part).replaceAll('"', '')).join()) {
      refuse(response, 400, 'InvalidPart');
      return;
    }
    if (parts.slice(0, -1).some((part) => part.length < MIN_PART_BYTES)) {
      refuse(response, 400, 'EntityTooSmall');
      return;
    }
    this.uploads.delete(uploadId);
    this.objects.set(upload.name, { bytes: Buffer.concat(parts), at: new Date() });
    answerXml(response, '<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>');
  }
}

function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

function answerXml(response: ServerResponse, xml: string, status = 200): void {
  response.writeHead(status, { 'Content-Type': 'application/xml' });
  response.end(`<?xml version="1.0" encoding="UTF-8"?>${xml}`);
}

function refuse(response: ServerResponse, status: number, code: string): void {
  answerXml(response, `<Error><Code>${code}</Code><Message>${code}</Message></Error>`, status);
}
