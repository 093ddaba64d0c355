import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiConsumes } from '@nestjs/swagger';
import { FileStorage } from '../storage/file-storage.js';

export const TAKES_UPLOAD = Symbol('takes upload');

export interface UploadRule {
  /** Where the bytes are put. */
  into: typeof FileStorage;
  /** The body may be JSON as well, without a file. */
  orJson: boolean;
  /** Fields that stand in the form as JSON. */
  jsonFields: readonly string[];
}

/** The body of the route is multipart/form-data; its `file` reaches the DTO as an Upload, of at most `UPLOAD_MAX_BYTES`. */
export function TakesUpload({
  into = FileStorage,
  orJson = false,
  jsonFields = [],
}: Partial<UploadRule> = {}): MethodDecorator {
  return applyDecorators(
    SetMetadata(TAKES_UPLOAD, { into, orJson, jsonFields } satisfies UploadRule),
    ApiConsumes(...(orJson ? ['application/json'] : []), 'multipart/form-data'),
  );
}
