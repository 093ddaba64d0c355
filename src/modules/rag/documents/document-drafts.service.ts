import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { DomainError, ValidationFailed } from '../../../contracts/errors.js';
import { documentType } from '../../../platform/documents/document-type.js';
import { AddressRules } from '../../../platform/egress/address-rules.js';
import type { Upload } from '../../../platform/http/upload.js';
import type { DocumentDraft } from './document.js';
import type { CreateDocumentDto } from './documents.dto.js';

const LONGEST_TITLE = 200;

type Given = Pick<CreateDocumentDto, 'title' | 'text' | 'url' | 'file' | 'metadata'>;

/** What a request asks to be taken in, as a document that could be. */
@Injectable()
export class DocumentDrafts {
  constructor(private readonly addresses: AddressRules) {}

  /**
   * `at` stands before the names of fields at fault.
   * @throws ValidationFailed, DomainError 415
   */
  draft(given: Given, at = ''): DocumentDraft {
    // Null is what was not given.
    const [text, url, file] = [given.text ?? undefined, given.url ?? undefined, given.file ?? undefined];
    const sources = [text, url, file].filter((source) => source !== undefined);
    if (sources.length !== 1) throw ValidationFailed.of(`${at}text`, 'Exactly one of text, url and file must be given');
    const common = { title: given.title ?? '', metadata: given.metadata ?? {} };
    if (text !== undefined) return this.ofText(text, common);
    if (url !== undefined) return this.ofUrl(url, `${at}url`, common);
    return this.ofFile(file as Upload, common);
  }

  /** @throws DomainError 415 */
  requireType(file: Upload): string {
    const mimeType = documentType(file);
    if (mimeType === null) throw unsupported();
    return mimeType;
  }

  private ofText(text: string, { title, metadata }: Pick<DocumentDraft, 'title' | 'metadata'>): DocumentDraft {
    const bytes = Buffer.from(text);
    return {
      ...{ id: v7(), title: title || beginning(text), mimeType: 'text/markdown', sizeBytes: bytes.length },
      ...{ source: 'text', origin: null, sourceHash: sha256(bytes), text, metadata },
    };
  }

  private ofUrl(
    url: string,
    field: string,
    { title, metadata }: Pick<DocumentDraft, 'title' | 'metadata'>,
  ): DocumentDraft {
    this.addresses.assertAddressable(url, field);
    const { href } = new URL(url);
    return {
      // A title that is the URL gives way to the page's own.
      ...{ id: v7(), title: title || href, mimeType: null, sizeBytes: null, source: 'url', origin: href },
      ...{ sourceHash: sha256(Buffer.from(`url\0${href}`)), text: null, metadata },
    };
  }

  private ofFile(file: Upload, { title, metadata }: Pick<DocumentDraft, 'title' | 'metadata'>): DocumentDraft {
    if (file.sizeBytes === 0) throw ValidationFailed.of('file', 'file must not be empty');
    const mimeType = this.requireType(file);
    return {
      ...{ id: file.key.id, title: title || file.name, mimeType, sizeBytes: file.sizeBytes, source: 'file' },
      ...{ origin: file.name, sourceHash: Buffer.from(file.sha256, 'hex'), text: null, metadata },
    };
  }
}

function unsupported(): DomainError {
  const taken = 'text, Markdown, HTML, PDF, DOCX, PPTX, XLSX, CSV, JSON and mails (EML)';
  return new DomainError('unsupported_media_type', 415, `The file is of no type that is taken: ${taken}`);
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** The first line that says something, without the marks of a heading. */
function beginning(text: string): string {
  const line = /^[\s#>*-]*(\S[^\n]*)/.exec(text.trimStart().slice(0, 10_000))?.[1] ?? '';
  return line
    .slice(0, LONGEST_TITLE)
    .toWellFormed()
    .trim()
    .replace(/\uFFFD$/, '');
}
