import { Injectable } from '@nestjs/common';

type Erase = (tenantId: string) => Promise<void>;

/** Everything outside the database that is a tenant's, for its erasure. Filled while the application starts. */
@Injectable()
export class TenantBytes {
  private readonly erasers: Erase[] = [];

  /** `erase` is called again where an erasure was broken off. */
  erasedBy(erase: Erase): void {
    this.erasers.push(erase);
  }

  async eraseAll(tenantId: string): Promise<void> {
    for (const erase of this.erasers) await erase(tenantId);
  }
}
