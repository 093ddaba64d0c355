import { Injectable } from '@nestjs/common';
import { SealBroken, Sealing } from '../../platform/crypto/sealing.js';
import { McpServerFailed } from './mcp-errors.js';
import type { McpServerEntity } from './mcp-server.entity.js';

type Sealed = Pick<McpServerEntity, 'tenantId' | 'id' | 'name' | 'sealedHeaders'>;

/** The headers' values of servers, at rest. */
@Injectable()
export class McpHeaders {
  constructor(private readonly sealing: Sealing) {}

  seal(headers: Readonly<Record<string, string>>, server: Pick<Sealed, 'tenantId' | 'id'>): string | null {
    return Object.keys(headers).length === 0 ? null : this.sealing.seal(JSON.stringify(headers), placeOf(server));
  }

  /** @throws McpServerFailed where the key that sealed them is gone */
  open(server: Sealed): Record<string, string> {
    if (server.sealedHeaders === null) return {};
    try {
      return JSON.parse(this.sealing.open(server.sealedHeaders, placeOf(server))) as Record<string, string>;
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
      const says = 'can not be used before its headers are given anew';
      throw new McpServerFailed(server.name, says, { retryable: false, sent: false, cause: error });
    }
  }
}

function placeOf({ tenantId, id }: Pick<Sealed, 'tenantId' | 'id'>): string {
  return `${tenantId}:mcp-headers:${id}`;
}
