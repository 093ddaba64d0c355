import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Db } from '../../../platform/database/db.js';

export interface EmbeddingUse {
  readonly model: string;
  readonly purpose: 'document' | 'query' | 'rerank';
  readonly inputTokens: number;
  readonly costMicros: number;
  readonly estimated: boolean;
  readonly collectionId: string | null;
}

/** What calls of embedding providers took and cost, a row each. */
@Injectable()
export class EmbeddingUsesRepository {
  constructor(private readonly db: Db) {}

  async add(use: EmbeddingUse): Promise<void> {
    const { userId } = currentTenantActor();
    await this.db.run(() =>
      this.db.sql(
        `INSERT INTO embedding_uses
           (tenant_id, id, model, purpose, input_tokens, cost_micros, estimated, collection_id, created_by)
         VALUES (:tenantId, :id, :model, :purpose, :inputTokens, :costMicros, :estimated, :collectionId, :userId)`,
        { ...use, id: v7(), userId },
      ),
    );
  }
}
