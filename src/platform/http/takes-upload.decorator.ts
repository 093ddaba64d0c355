import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiConsumes } from '@nestjs/swagger';

export const TAKES_UPLOAD = Symbol('takes upload');

/** The body of the route is multipart/form-data; its `file` reaches the DTO as an Upload, of at most `UPLOAD_MAX_BYTES`. */
export function TakesUpload(): MethodDecorator {
  return applyDecorators(SetMetadata(TAKES_UPLOAD, true), ApiConsumes('multipart/form-data'));
}
