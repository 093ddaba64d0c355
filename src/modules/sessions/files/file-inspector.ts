import { Injectable } from '@nestjs/common';
import { DomainError, ValidationFailed } from '../../../contracts/errors.js';
import { imageSize, type ImageSize } from '../../../platform/documents/image-size.js';
import { PdfReader } from '../../../platform/documents/pdf-reader.js';
import { isImage, sniffedType, type ImageType } from '../../../platform/documents/sniffed-type.js';
import type { Upload } from '../../../platform/http/upload.js';
import { FileStorage, readWhole } from '../../../platform/storage/file-storage.js';
import type { FileFacts } from './file.js';

/** What Claude takes; a picture is unpacked whole by whoever shows it, and may be a thousand times its file. */
const MAX_SIDE_PX = 8_000;
const MAX_PIXELS = 64_000_000;
/** Headers of an image, previews in front of them included. */
const IMAGE_HEADER_BYTES = 8 * 1024 * 1024;
const MAX_PDF_BYTES = 64 * 1024 * 1024;
/** No document has more; some only say so. */
const MAX_PAGES = 1_000_000;

/** Finds out what an upload is. */
@Injectable()
export class FileInspector {
  constructor(
    private readonly storage: FileStorage,
    private readonly pdfs: PdfReader,
  ) {}

  /**
   * @throws ValidationFailed for a file that is empty or too large a picture, DomainError 415 for a type not taken,
   * ExternalServiceFailed (503) while too many PDFs of the tenant wait
   */
  async inspect(upload: Upload): Promise<FileFacts> {
    if (upload.sizeBytes === 0) throw ValidationFailed.of('file', 'file must not be empty');
    const mimeType = sniffedType(upload);
    if (mimeType === null) {
      const taken = 'PNG, JPEG, GIF, WebP, PDF and text in UTF-8';
      throw new DomainError('unsupported_media_type', 415, `The file is of no type that is taken: ${taken}`);
    }
    const facts = { mimeType, width: null, height: null, pages: null, fault: null };
    if (isImage(mimeType)) return { ...facts, ...(await this.imageSize(upload, mimeType)) };
    if (mimeType === 'application/pdf') return { ...facts, ...(await this.pdf(upload)) };
    return facts;
  }

  private async imageSize(upload: Upload, type: ImageType): Promise<ImageSize> {
    const end = Math.min(upload.sizeBytes, IMAGE_HEADER_BYTES) - 1;
    const size = imageSize(type, await readWhole(this.storage, upload.key, { start: 0, end }));
    if (!size) throw ValidationFailed.of('file', 'file is a broken image: it does not say how large it is');
    const { width, height } = size;
    if (width > MAX_SIDE_PX || height > MAX_SIDE_PX || width * height > MAX_PIXELS) {
      const limit = `${MAX_SIDE_PX} pixels a side and ${MAX_PIXELS / 1_000_000} megapixels`;
      throw ValidationFailed.of('file', `file is an image of ${width} × ${height} pixels, the most are ${limit}`);
    }
    return size;
  }

  private async pdf(upload: Upload): Promise<Pick<FileFacts, 'pages' | 'fault'>> {
    if (upload.sizeBytes > MAX_PDF_BYTES) return { pages: null, fault: 'too_complex' };
    const read = await this.pdfs.inspect(() => readWhole(this.storage, upload.key));
    if ('fault' in read) return { pages: null, fault: read.fault };
    return read.pages > MAX_PAGES ? { pages: null, fault: 'broken' } : { pages: read.pages, fault: null };
  }
}
