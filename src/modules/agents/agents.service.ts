import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { NotFound, ValidationFailed } from '../../contracts/errors.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { Cursors } from '../../platform/http/pagination.js';
import { ModelCatalog } from '../models/model-catalog.service.js';
import { ToolRegistry } from '../tools/tool-registry.service.js';
import { DEFAULT_DEFINITION, DEFAULT_LIMITS, type AgentDefinition } from './agent-definition.js';
import type { AgentEntity } from './agent.entity.js';
import type { AgentDto, AgentPage, CreateAgentDto, ListAgentsQuery, UpdateAgentDto } from './agents.dto.js';
import { AgentsRepository } from './agents.repository.js';

export type PinnedAgent = Pick<AgentEntity, 'id' | 'version' | 'definition'>;

@Injectable()
export class AgentsService {
  constructor(
    private readonly agents: AgentsRepository,
    private readonly models: ModelCatalog,
    private readonly tools: ToolRegistry,
    private readonly events: Events,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  async create(dto: CreateAgentDto): Promise<AgentDto> {
    const { name, ...given } = dto;
    const definition = this.checked(DEFAULT_DEFINITION, given);
    const now = new Date();
    const agent: Omit<AgentEntity, 'tenantId'> = {
      id: v7(),
      name,
      version: 1,
      status: 'active',
      definition,
      createdBy: currentTenantActor().userId,
      deletedAt: null,
      createdAt: now,
      updatedAt: now,
    };
    await this.db.run(async () => {
      await this.agents.add(agent);
      await this.events.publish('agent.created', {
        resourceType: 'agent',
        resourceId: agent.id,
        payload: { name },
        changes: { ...dto },
      });
    });
    return this.shown(agent);
  }

  /** @throws NotFound */
  async get(id: string): Promise<AgentDto> {
    return this.shown(await this.require(id));
  }

  async list(query: ListAgentsQuery): Promise<AgentPage> {
    const before = this.cursors.id(query.cursor);
    const rows = await this.agents.list({ ...query, before, limit: query.limit + 1 });
    return this.cursors.page(rows, query.limit, (agent) => this.shown(agent));
  }

  /** A change makes a new version; runs under way keep theirs. */
  async update(id: string, dto: UpdateAgentDto): Promise<AgentDto> {
    return this.db.run(async () => {
      const agent = await this.agents.findForUpdate(id);
      if (!agent) throw new NotFound('Agent');
      const { name, ...given } = dto;
      agent.definition = this.checked(agent.definition, given);
      agent.name = name ?? agent.name;
      agent.version += 1;
      agent.updatedAt = new Date();
      await this.agents.change(agent);
      await this.events.publish('agent.updated', {
        resourceType: 'agent',
        resourceId: id,
        payload: { version: agent.version },
        changes: { ...dto },
      });
      return this.shown(agent);
    });
  }

  async remove(id: string): Promise<void> {
    await this.db.run(async () => {
      if (!(await this.agents.markDeleted(id))) throw new NotFound('Agent');
      await this.events.publish('agent.deleted', { resourceType: 'agent', resourceId: id, payload: {} });
    });
  }

  /** What a run takes with it when it starts. Null when the agent does not exist. */
  async pin(id: string): Promise<PinnedAgent | null> {
    return this.agents.pin(id);
  }

  /** Those of them that exist, asked for at once. */
  async existing(ids: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    return ids.size === 0 ? ids : new Set(await this.agents.existing([...ids]));
  }

  /** @throws NotFound */
  async require(id: string): Promise<AgentEntity> {
    const agent = await this.agents.find(id);
    if (!agent) throw new NotFound('Agent');
    return agent;
  }

  /** The given fields over the base; null resets one. @throws ValidationFailed on what does not exist. */
  private checked(base: AgentDefinition, given: Omit<UpdateAgentDto, 'name'>): AgentDefinition {
    this.requireModels(given);
    const unknown = given.collectionIds?.findIndex((id) => !base.collectionIds.includes(id)) ?? -1;
    if (unknown >= 0) throw ValidationFailed.of(`collectionIds[${unknown}]`, 'There is no such collection');
    const set = Object.entries(given as Record<string, unknown>).filter(([, value]) => value !== undefined);
    const changes = Object.fromEntries(
      set.map(([field, value]) => [field, value ?? DEFAULT_DEFINITION[field as keyof AgentDefinition]]),
    );
    const definition = { ...base, ...changes };
    if (given.resourceLimits) definition.resourceLimits = { ...DEFAULT_LIMITS, ...given.resourceLimits };
    return definition;
  }

  private requireModels(given: UpdateAgentDto): void {
    if (given.model) this.models.require(given.model, 'model');
    for (const [index, model] of (given.fallbackModels ?? []).entries()) {
      this.models.require(model, `fallbackModels[${index}]`);
    }
  }

  private shown(agent: Omit<AgentEntity, 'tenantId'>): AgentDto {
    return {
      id: agent.id,
      name: agent.name,
      version: agent.version,
      status: agent.status,
      ...agent.definition,
      unresolvedTools: this.tools.resolve(agent.definition.tools).unresolved,
      createdAt: agent.createdAt.toISOString(),
      updatedAt: agent.updatedAt.toISOString(),
    } as AgentDto;
  }
}
