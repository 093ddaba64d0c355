import { randomUUID } from 'node:crypto';
import type { Role } from '../src/contracts/permissions.js';
import { ADMIN } from './admin.js';
import type { TestApp } from './app.js';
import { Client } from './client.js';

export interface Member {
  as: Client;
  userId: string;
  email: string;
  password: string;
  accessToken: string;
  refreshToken: string;
}

export interface Tenant {
  tenantId: string;
  slug: string;
  owner: Member;
  as: Client;
}

/** What a test needs to be there, made through the public door. */
export class Given {
  private superadmin: Client | undefined;

  constructor(private readonly app: Pick<TestApp, 'url'>) {}

  async admin(): Promise<Client> {
    this.superadmin ??= (await this.login(ADMIN.email, ADMIN.password, 'default')).as;
    return this.superadmin;
  }

  /** A tenant with an owner of its own. */
  async tenant(part: { plan?: 'standard' | 'premium' } = {}): Promise<Tenant> {
    const slug = `t-${randomUUID().slice(0, 12)}`;
    const owner = { email: `owner@${slug}.example.com`, password: 'a long owner password' };
    const admin = await this.admin();
    const created = await admin.post('/admin/tenants', { name: slug, slug, owner, ...part }).expect(201);
    const member = await this.login(owner.email, owner.password);
    return { tenantId: created.json<{ id: string }>().id, slug, owner: member, as: member.as };
  }

  /** A new person in a tenant. */
  async member(tenant: Tenant, role: Role): Promise<Member> {
    const email = `${role}-${randomUUID().slice(0, 8)}@${tenant.slug}.example.com`;
    const password = 'a long member password';
    await tenant.as.post('/members', { email, role, password, name: role }).expect(201);
    return this.login(email, password);
  }

  async login(email: string, password: string, tenant?: string): Promise<Member> {
    const answer = await new Client(this.app.url).post('/auth/login', { email, password, tenant }).expect(200);
    const { accessToken, refreshToken, user } = answer.json<{
      accessToken: string;
      refreshToken: string;
      user: { id: string };
    }>();
    const as = new Client(this.app.url, accessToken);
    return { as, userId: user.id, email, password, accessToken, refreshToken };
  }

  /** An agent of a new tenant. */
  async agent(definition: Record<string, unknown> = {}): Promise<Tenant & { agentId: string }> {
    const tenant = await this.tenant();
    return { ...tenant, agentId: await this.agentOf(tenant.as, definition) };
  }

  async agentOf(as: Client, definition: Record<string, unknown> = {}): Promise<string> {
    const answer = await as.post('/agents', { name: 'Helper', model: 'offline', ...definition }).expect(201);
    return answer.json<{ id: string }>().id;
  }

  /** A session with an agent of a new tenant. */
  async session(definition: Record<string, unknown> = {}): Promise<Tenant & { agentId: string; sessionId: string }> {
    const given = await this.agent(definition);
    const answer = await given.as.post('/sessions', { agentId: given.agentId }).expect(201);
    return { ...given, sessionId: answer.json<{ id: string }>().id };
  }
}
