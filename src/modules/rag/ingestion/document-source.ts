import { Injectable } from '@nestjs/common';
import { ExternalServiceFailed } from '../../../contracts/errors.js';
import { Settings } from '../../../platform/config/settings.js';
import { documentType, type DocumentType } from '../../../platform/documents/document-type.js';
import { GuardedFetch } from '../../../platform/egress/guarded-fetch.js';
import { ContentProbe } from '../../../platform/http/content-probe.js';
import { DocumentStorage, readWhole } from '../../../platform/storage/file-storage.js';
import type { KnownDocument } from '../documents/document.js';
import { DocumentsRepository } from '../documents/documents.repository.js';

const PAGE_LIMIT_MS = 60_000;
/** Answers that may be others in a while. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** What a document was to be made of can not be had; its message is for who asked for it. */
export class SourceUnusable extends Error {
  constructor(
    readonly code: 'page_unavailable' | 'empty' | 'unsupported',
    message: string,
  ) {
    super(message);
  }
}

export interface SourceBytes {
  /** Of what kind they are; `charset`, where it was said. */
  type: { mimeType: DocumentType; charset?: string };
  sizeBytes: number;
  bytes: () => Promise<Uint8Array>;
}

/** Where a document's bytes come from. */
@Injectable()
export class DocumentSource {
  constructor(
    private readonly documents: DocumentsRepository,
    private readonly storage: DocumentStorage,
    private readonly guarded: GuardedFetch,
    private readonly settings: Settings,
  ) {}

  /** @throws SourceUnusable, BytesMissing, ExternalServiceFailed, TimedOut */
  async open(document: KnownDocument, signal: AbortSignal): Promise<SourceBytes> {
    const { tenantId, id, source, origin, sizeBytes } = document;
    if (source === 'url') return this.page(String(origin), signal);
    const common = { type: { mimeType: document.mimeType as DocumentType }, sizeBytes: sizeBytes ?? 0 };
    if (source === 'text') return { ...common, bytes: async () => Buffer.from((await this.documents.text(id)) ?? '') };
    return { ...common, bytes: () => readWhole(this.storage, { tenantId, id }) };
  }

  private async page(url: string, signal: AbortSignal): Promise<SourceBytes> {
    const fetch = this.guarded.with({
      totalTimeoutMs: PAGE_LIMIT_MS,
      maxBytes: this.settings.http.uploadMaxBytes,
    });
    const response = await fetch(url, { signal, headers: { accept: 'text/html,*/*;q=0.8' } });
    if (!response.ok) {
      await response.body?.cancel();
      throw refused(new URL(url).host, response.status);
    }
    const probe = new ContentProbe();
    const parts: Uint8Array[] = [];
    const body = (response.body ?? []) as AsyncIterable<Buffer>;
    for await (const part of probe.watch(body)) parts.push(part);
    const bytes = Buffer.concat(parts);
    if (bytes.length === 0) throw new SourceUnusable('empty', 'The page is empty');
    const { head, isText } = probe.contents();
    const declared = response.headers.get('content-type') ?? undefined;
    const name = decodedName(response.url || url);
    const mimeType = documentType({ head, isText, name, declared });
    if (mimeType === null)
      throw new SourceUnusable(
        'unsupported',
        `What is at the address is of no type that is taken (${declared ?? 'unknown'})`,
      );
    const charset = /charset=["']?([^\s"';]+)/i.exec(declared ?? '')?.[1];
    return { type: { mimeType, charset }, sizeBytes: bytes.length, bytes: () => Promise.resolve(bytes) };
  }
}

function refused(host: string, status: number): Error {
  if (PASSING.has(status))
    return new ExternalServiceFailed(host, `${host} answers with status ${status}`, { retryable: true });
  return new SourceUnusable('page_unavailable', `The address answers with status ${status}`);
}

function decodedName(url: string): string {
  const last = new URL(url).pathname.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
