import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { AccessDenied, NotFound, ValidationFailed } from '../../contracts/errors.js';
import { effectivePermissions } from '../../contracts/permissions.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { Cursors } from '../../platform/http/pagination.js';
import type { ApiKeyEntity } from './api-key.entity.js';
import { makeApiKey } from './api-key-secret.js';
import type { ApiKeyDto, ApiKeyPage, CreateApiKeyDto, ListApiKeysQuery, NewApiKeyDto } from './api-keys.dto.js';
import { ApiKeysRepository } from './api-keys.repository.js';

/** The caller's own keys; nobody sees another's. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly keys: ApiKeysRepository,
    private readonly events: Events,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  /** @throws ValidationFailed, AccessDenied when an API key asks for more than it has itself */
  async create({ name, scopes, expiresAt }: CreateApiKeyDto): Promise<NewApiKeyDto> {
    const userId = callerId();
    const { key, keyHash, prefix } = makeApiKey();
    const entity: Omit<ApiKeyEntity, 'tenantId'> = {
      id: v7(),
      userId,
      name,
      prefix,
      keyHash,
      scopes: scopes ?? null,
      expiresAt: expiresAt == null ? null : inFuture(expiresAt),
      lastUsedAt: null,
      revokedAt: null,
      createdAt: new Date(),
    };
    await this.db.run(async () => {
      await this.assertWithinOwn(entity);
      await this.keys.add(entity);
      await this.events.publish('apiKey.created', {
        resourceType: 'apiKey',
        resourceId: entity.id,
        payload: { userId, name },
        changes: { name, scopes: entity.scopes, expiresAt: entity.expiresAt },
      });
    });
    return { ...shown(entity), key };
  }

  async list(query: ListApiKeysQuery): Promise<ApiKeyPage> {
    const rows = await this.keys.list(callerId(), this.cursors.id(query.cursor), query.limit + 1);
    return this.cursors.page(rows, query.limit, shown);
  }

  /** @throws NotFound */
  async require(id: string): Promise<ApiKeyEntity> {
    const key = await this.keys.find(callerId(), id);
    if (!key) throw new NotFound('API key');
    return key;
  }

  /** @throws NotFound */
  async revoke(id: string): Promise<void> {
    const userId = callerId();
    await this.db.run(async () => {
      if (!(await this.keys.revoke(userId, id))) throw new NotFound('API key');
      await this.events.publish('apiKey.revoked', { resourceType: 'apiKey', resourceId: id, payload: { userId } });
    });
  }

  /** A key makes none that may do more, or lasts longer, than itself. @throws AccessDenied */
  private async assertWithinOwn({ scopes, expiresAt }: Pick<ApiKeyEntity, 'scopes' | 'expiresAt'>): Promise<void> {
    const { kind, credentialId, permissions } = currentTenantActor();
    if (kind !== 'apiKey' || credentialId === null) return;
    const own = await this.require(credentialId);
    const asksForAll = scopes === null || scopes.includes('*');
    const asked = asksForAll ? [] : [...effectivePermissions('owner', scopes)];
    const beyond = asked.filter((permission) => !permissions.has(permission));
    if ((asksForAll && own.scopes !== null) || beyond.length > 0) {
      throw new AccessDenied('An API key makes no key with scopes beyond its own', {
        details: { scopes: asksForAll ? ['*'] : beyond },
      });
    }
    if (own.expiresAt !== null && (expiresAt === null || expiresAt > own.expiresAt)) {
      throw new AccessDenied('An API key makes no key that lasts longer than itself', {
        details: { expiresAt: own.expiresAt.toISOString() },
      });
    }
  }
}

function callerId(): string {
  const { userId } = currentTenantActor();
  if (userId === null) throw new Error('API keys belong to a user');
  return userId;
}

/** @throws ValidationFailed */
function inFuture(expiresAt: string): Date {
  const at = new Date(expiresAt);
  if (at <= new Date()) throw ValidationFailed.of('expiresAt', 'expiresAt must be in the future', expiresAt);
  return at;
}

function shown(key: Omit<ApiKeyEntity, 'tenantId'>): ApiKeyDto {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    scopes: key.scopes,
    expiresAt: key.expiresAt?.toISOString() ?? null,
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
    createdAt: key.createdAt.toISOString(),
  };
}
