import { Injectable, Logger } from '@nestjs/common';
import { Actor } from '../../platform/access/actor.js';
import { runAs } from '../../platform/access/scope.js';
import { ApiKeysRepository, type LivingApiKey } from './api-keys.repository.js';

const STALE_MS = 60_000;

/** Keeps `lastUsedAt` of API keys to the minute, beside the requests and never in their way. */
@Injectable()
export class ApiKeyUse {
  private readonly logger = new Logger(ApiKeyUse.name);
  private readonly underWay = new Set<string>();

  constructor(private readonly keys: ApiKeysRepository) {}

  note({ id, tenantId, userId, lastUsedAt }: LivingApiKey): void {
    if (lastUsedAt !== null && Date.now() - lastUsedAt.getTime() < STALE_MS) return;
    if (this.underWay.has(id)) return;
    this.underWay.add(id);
    setImmediate(() => {
      runAs(Actor.job(tenantId, userId), () => this.keys.noteUse(id))
        .catch((err: unknown) => this.logger.warn({ err, apiKeyId: id }, 'The use of an API key could not be noted'))
        .finally(() => this.underWay.delete(id));
    });
  }
}
