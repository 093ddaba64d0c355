import { Injectable, Logger, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { ModuleRef, Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { finalize, type Observable } from 'rxjs';
import { currentTenantActor } from '../access/scope.js';
import { Settings } from '../config/settings.js';
import type { FileStorage } from '../storage/file-storage.js';
import { BODY_LIMIT, DEFAULT_BODY_LIMIT_BYTES } from './body-limit.decorator.js';
import { readJsonBody } from './json-body.js';
import { readMultipart } from './multipart-body.js';
import { TAKES_BYTES } from './takes-bytes.decorator.js';
import { TAKES_UPLOAD, type UploadRule } from './takes-upload.decorator.js';
import { Upload } from './upload.js';

const WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);

/** Reads the body after the guards, so that who may not call learns nothing by it and costs nothing. */
@Injectable()
export class RequestBodyInterceptor implements NestInterceptor {
  private readonly logger = new Logger(RequestBodyInterceptor.name);

  constructor(
    private readonly reflector: Reflector,
    private readonly moduleRef: ModuleRef,
    private readonly settings: Settings,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    if (context.getType() !== 'http') return next.handle();
    const request = context.switchToHttp().getRequest<Request>();
    const upload = this.reflector.get<UploadRule | undefined>(TAKES_UPLOAD, context.getHandler());
    if (upload && !(upload.orJson && request.is(['json', '+json']))) return this.upload(request, upload, next);
    if (this.reflector.get<boolean | undefined>(TAKES_BYTES, context.getHandler())) return next.handle();
    request.body = WITH_BODY.has(request.method) ? await readJsonBody(request, this.limitOf(context)) : undefined;
    return next.handle();
  }

  /** What the handler does not keep is gone when the request ends, however it ends. */
  private async upload(
    request: Request,
    { into, jsonFields }: UploadRule,
    next: CallHandler,
  ): Promise<Observable<unknown>> {
    const storage = this.moduleRef.get<FileStorage>(into, { strict: false });
    const limitBytes = this.settings.http.uploadMaxBytes;
    const { tenantId } = currentTenantActor();
    request.body = withJson(await readMultipart(request, { storage, tenantId, limitBytes }), jsonFields);
    return next.handle().pipe(finalize(() => void this.deleteUploads(request.body, storage)));
  }

  private async deleteUploads(body: unknown, storage: FileStorage): Promise<void> {
    try {
      for (const value of Object.values(body ?? {}).flat())
        if (value instanceof Upload) await value.deleteUnlessKept(storage);
    } catch (error) {
      this.logger.warn({ err: error }, 'A refused upload could not be deleted yet; the sweeper will');
    }
  }

  private limitOf(context: ExecutionContext): number {
    const declared = [context.getHandler(), context.getClass()];
    return this.reflector.getAllAndOverride<number | undefined>(BODY_LIMIT, declared) ?? DEFAULT_BODY_LIMIT_BYTES;
  }
}

/** A form has texts alone. What is no JSON is left as it is, to be refused as the fault of its field. */
function withJson(body: unknown, fields: readonly string[]): unknown {
  if (typeof body !== 'object' || body === null) return body;
  const parsed = Object.entries(body).map(([name, value]: [string, unknown]) => [
    name,
    fields.includes(name) && typeof value === 'string' ? parse(value) : value,
  ]);
  return Object.fromEntries(parsed) as unknown;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
