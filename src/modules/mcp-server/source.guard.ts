import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { Settings } from '../../platform/config/settings.js';
import { assertKnownSource } from './request-source.js';

/** After who asks was told, before what they ask is read. */
@Injectable()
export class SourceGuard implements CanActivate {
  constructor(private readonly settings: Settings) {}

  canActivate(context: ExecutionContext): boolean {
    assertKnownSource(context.switchToHttp().getRequest<Request>().headers, this.settings.http);
    return true;
  }
}
