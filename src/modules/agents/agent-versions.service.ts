import { Injectable } from '@nestjs/common';
import { BadRequest, ValidationFailed } from '../../contracts/errors.js';
import { Events } from '../../platform/events/events.js';
import { Cursors, type PageQuery } from '../../platform/http/pagination.js';
import { DEFAULT_DEFINITION } from './agent-definition.js';
import type { AgentVersionDto, AgentVersionPage } from './agent-versions.dto.js';
import { AgentVersionsRepository, type AgentVersion } from './agent-versions.repository.js';
import type { AgentDto } from './agents.dto.js';
import { AgentsService } from './agents.service.js';
import { DefinitionRules } from './definition-rules.js';
import { withCollections } from './kept-collections.js';

/** More than any version. */
const NO_BOUND = 2_147_483_647;

/** What an agent was before its changes, and the way back. */
@Injectable()
export class AgentVersionsService {
  constructor(
    private readonly agents: AgentsService,
    private readonly versions: AgentVersionsRepository,
    private readonly rules: DefinitionRules,
    private readonly events: Events,
    private readonly cursors: Cursors,
  ) {}

  /** The newest first. @throws NotFound, BadRequest */
  async list(agentId: string, { cursor, limit }: PageQuery): Promise<AgentVersionPage> {
    await this.agents.require(agentId);
    const rows = await this.versions.list(agentId, this.before(agentId, cursor), limit + 1);
    return this.cursors.page(
      rows.map((row) => ({ ...row, id: agentId })),
      limit,
      shown,
      (row) => [String(row.version), agentId],
    );
  }

  /** A new version that is as an old one was. @throws NotFound, ValidationFailed on what exists no more */
  async rollback(agentId: string, version: number): Promise<AgentDto> {
    await this.agents.require(agentId);
    const old = await this.versions.find(agentId, version);
    if (!old) throw ValidationFailed.of('version', 'There is no such version of this agent', version);
    // Collections that were deleted since are dropped, as they were by the newer versions.
    const whole = this.rules.applied(DEFAULT_DEFINITION, old.definition);
    const definition = withCollections(whole, await this.rules.existingCollections(whole.collectionIds));
    await this.rules.check(definition);
    return this.agents.change(
      agentId,
      () => ({ name: old.name, definition }),
      (made) =>
        this.events.publish('agent.rolledBack', {
          resourceType: 'agent',
          resourceId: agentId,
          payload: { version: made, to: version },
          changes: { version },
        }),
    );
  }

  private before(agentId: string, cursor: string | undefined): number {
    if (cursor === undefined) return NO_BOUND;
    const [version, of] = this.cursors.decode(cursor, 2);
    if (of !== agentId || !Number.isSafeInteger(Number(version))) {
      throw new BadRequest('The cursor belongs to another list');
    }
    return Number(version);
  }
}

function shown({ version, name, definition, createdBy, createdAt }: AgentVersion): AgentVersionDto {
  return {
    version,
    name,
    ...DEFAULT_DEFINITION,
    ...definition,
    createdBy,
    createdAt: createdAt.toISOString(),
  } as AgentVersionDto;
}
