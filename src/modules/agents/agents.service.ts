import { Injectable, type OnModuleInit } from '@nestjs/common';
import { v7 } from 'uuid';
import { NotFound } from '../../contracts/errors.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { Cursors } from '../../platform/http/pagination.js';
import { CollectionsService } from '../rag/collections/collections.service.js';
import { ToolRegistry } from '../tools/tool-registry.service.js';
import { DEFAULT_DEFINITION } from './agent-definition.js';
import type { AgentEntity } from './agent.entity.js';
import type { AgentDto, AgentPage, CreateAgentDto, ListAgentsQuery, UpdateAgentDto } from './agents.dto.js';
import { AgentsRepository, type NamedAgent } from './agents.repository.js';
import { DefinitionRules } from './definition-rules.js';
import { withCollections } from './kept-collections.js';

export type { NamedAgent };
export type PinnedAgent = Pick<AgentEntity, 'id' | 'version' | 'definition'>;

@Injectable()
export class AgentsService implements OnModuleInit {
  constructor(
    private readonly agents: AgentsRepository,
    private readonly rules: DefinitionRules,
    private readonly tools: ToolRegistry,
    private readonly collections: CollectionsService,
    private readonly events: Events,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  onModuleInit(): void {
    this.collections.onRemoval((collectionId) => this.dropCollection(collectionId));
  }

  /** `at` stands before the names of fields at fault. @throws ValidationFailed */
  async create({ name, ...given }: CreateAgentDto, at = ''): Promise<AgentDto> {
    await this.rules.check(given, at);
    const now = new Date();
    const { userId } = currentTenantActor();
    const agent: Omit<AgentEntity, 'tenantId'> = {
      id: v7(),
      name,
      version: 1,
      status: 'active',
      definition: this.rules.applied(DEFAULT_DEFINITION, given),
      createdBy: userId,
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
        changes: { name, ...given },
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
    const unresolved = await this.tools.unresolved(rows.map(({ definition }) => definition.tools));
    const shown = new Map(rows.map((agent, index) => [agent, shownAgent(agent, unresolved[index] ?? [])]));
    return this.cursors.page(rows, query.limit, (agent) => shown.get(agent) ?? shownAgent(agent, []));
  }

  /** A body that changes nothing makes no version. @throws NotFound, ValidationFailed */
  async update(id: string, dto: UpdateAgentDto): Promise<AgentDto> {
    const { name, ...given } = dto;
    if (Object.values(dto).every((value) => value === undefined)) return this.get(id);
    await this.rules.check(given);
    return this.change(
      id,
      (agent) => ({ name: name ?? agent.name, definition: this.rules.applied(agent.definition, given) }),
      (version) =>
        this.events.publish('agent.updated', {
          resourceType: 'agent',
          resourceId: id,
          payload: { version },
          changes: { ...dto },
        }),
    );
  }

  /**
   * A change makes a new version; runs under way keep theirs. `publish` is given its number.
   * @throws NotFound
   */
  async change(
    id: string,
    next: (agent: AgentEntity) => Pick<AgentEntity, 'name' | 'definition'>,
    publish: (version: number) => Promise<unknown>,
  ): Promise<AgentDto> {
    return this.db.run(async () => {
      const agent = await this.agents.findForUpdate(id);
      if (!agent) throw new NotFound('Agent');
      Object.assign(agent, next(agent));
      agent.version += 1;
      agent.updatedAt = new Date();
      await this.agents.change(agent, currentTenantActor().userId);
      await publish(agent.version);
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

  /** Those that can be asked, by name; of several with one name the first that was made. */
  async named(): Promise<NamedAgent[]> {
    return this.agents.named();
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

  /** Agents that were given a collection which is deleted go on without it. */
  private async dropCollection(collectionId: string): Promise<void> {
    for (const id of await this.agents.withCollection(collectionId)) {
      const without = ({ name, definition }: AgentEntity) => {
        const others = definition.collectionIds.filter((given) => given !== collectionId);
        return { name, definition: withCollections(definition, others) };
      };
      await this.change(id, without, (version) =>
        this.events.publish('agent.updated', {
          resourceType: 'agent',
          resourceId: id,
          payload: { version },
          changes: { collectionIds: { without: collectionId } },
        }),
      );
    }
  }

  private async shown(agent: Omit<AgentEntity, 'tenantId'>): Promise<AgentDto> {
    const [unresolved = []] = await this.tools.unresolved([agent.definition.tools]);
    return shownAgent(agent, unresolved);
  }
}

function shownAgent(agent: Omit<AgentEntity, 'tenantId'>, unresolvedTools: string[]): AgentDto {
  return {
    id: agent.id,
    name: agent.name,
    version: agent.version,
    status: agent.status,
    ...agent.definition,
    unresolvedTools,
    createdAt: agent.createdAt.toISOString(),
    updatedAt: agent.updatedAt.toISOString(),
  } as AgentDto;
}
