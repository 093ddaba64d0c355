import pg from 'pg';
import { DIMENSIONS } from './search-corpus.ts';
import type { BenchTenant } from './search-product.ts';

/** What the index is set to, as in the product. */
const SETTINGS = `SET hnsw.ef_search = 200; SET hnsw.iterative_scan = relaxed_order; SET hnsw.max_scan_tuples = 20000`;

/** A plain connection, which acts as the application does in a tenant. */
export class Bare {
  private readonly client: pg.Client;

  private constructor(client: pg.Client) {
    this.client = client;
  }

  static async open(url: string): Promise<Bare> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`SET ROLE atrium_app; ${SETTINGS}`);
    return new Bare(client);
  }

  close(): Promise<void> {
    return this.client.end();
  }

  async act(tenant: BenchTenant): Promise<void> {
    await this.client.query(`SELECT set_config('app.tenant_id', $1, false)`, [tenant.tenantId]);
  }

  /** The table that has most of a tenant's vectors. */
  async table(tenant: BenchTenant): Promise<string> {
    const { rows } = await this.client.query<{ bucket: number }>(
      'SELECT bucket FROM rag_vector_spaces WHERE tenant_id = $1 AND space_id = $2',
      [tenant.tenantId, tenant.spaceId],
    );
    return `rag_vectors_${DIMENSIONS}${rows[0] ? `_${rows[0].bucket}` : ''}`;
  }

  /** Chunks nearest to a vector as `number/position`, by the index if there is one. */
  async nearest(table: string, tenant: BenchTenant, vector: Float32Array, most: number): Promise<string[]> {
    // As in the product, which leaves it on where there is no index.
    await this.client.query(`SET enable_sort = ${/_\d+_\d+$/.test(table) ? 'off' : 'on'}`);
    return this.ask(
      `SELECT number, position FROM ${table} WHERE tenant_id = $1 AND collection_id = $2 AND space_id = $3
       ORDER BY embedding <#> $4::halfvec LIMIT ${most}`,
      [tenant.tenantId, tenant.collectionId, tenant.spaceId, `[${vector.join()}]`],
    );
  }

  /** The same with none missed. */
  async exact(
    tables: readonly string[],
    tenant: BenchTenant,
    vector: Float32Array,
    most: number,
    part = 100,
  ): Promise<string[]> {
    const all = tables.map(
      (table) => `SELECT v.number, v.position, v.embedding <#> $4::halfvec AS distance FROM ${table} v
        WHERE v.number % 100 < $5 AND v.tenant_id = $1 AND v.collection_id = $2 AND v.space_id = $3`,
    );
    await this.client.query('SET enable_sort = on');
    return this.ask(
      `WITH found AS MATERIALIZED (${all.join(' UNION ALL ')}) SELECT * FROM found ORDER BY distance LIMIT ${most}`,
      [...[tenant.tenantId, tenant.collectionId, tenant.spaceId, `[${vector.join()}]`, part]],
    );
  }

  private async ask(text: string, values: unknown[]): Promise<string[]> {
    const { rows } = await this.client.query<{ number: number; position: number }>(text, values);
    return rows.map(({ number, position }) => `${number}/${position}`);
  }
}
