import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { NotFound } from '../../../contracts/errors.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { Cursors, type PageQuery } from '../../../platform/http/pagination.js';
import { ClientToolSchemas } from '../client-tools/client-tool-schemas.js';
import { SessionReferences } from '../session-references.service.js';
import type { SessionDefinitionDto } from '../sessions.dto.js';
import type { SessionTemplateEntity } from './session-template.entity.js';
import type {
  CreateSessionTemplateDto,
  SessionTemplateDto,
  SessionTemplatePage,
  UpdateSessionTemplateDto,
} from './session-templates.dto.js';
import { SessionTemplatesRepository } from './session-templates.repository.js';

const FIELDS = [
  'agentId',
  'title',
  'pattern',
  'visibility',
  'model',
  'systemPrompt',
  'tools',
  'permissionPolicy',
  'context',
  'clientTools',
  'metadata',
] as const satisfies (keyof SessionDefinitionDto)[];

@Injectable()
export class SessionTemplates {
  constructor(
    private readonly templates: SessionTemplatesRepository,
    private readonly references: SessionReferences,
    private readonly clientTools: ClientToolSchemas,
    private readonly events: Events,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  /** @throws ValidationFailed */
  async create(dto: CreateSessionTemplateDto): Promise<SessionTemplateDto> {
    const now = new Date();
    const template: Omit<SessionTemplateEntity, 'tenantId'> = {
      id: v7(),
      name: dto.name,
      definition: changed({}, dto),
      createdBy: currentTenantActor().userId,
      createdAt: now,
      updatedAt: now,
    };
    await this.clientTools.require([dto]);
    await this.db.run(async () => {
      await this.references.require(dto);
      await this.templates.add(template);
      await this.events.publish('sessionTemplate.created', {
        resourceType: 'sessionTemplate',
        resourceId: template.id,
        payload: { name: dto.name },
        changes: { ...dto },
      });
    });
    return shown(template);
  }

  /** @throws NotFound */
  async get(id: string): Promise<SessionTemplateDto> {
    const template = await this.templates.find(id);
    if (!template) throw new NotFound('Template');
    return shown(template);
  }

  async list(query: PageQuery): Promise<SessionTemplatePage> {
    const rows = await this.templates.list(this.cursors.id(query.cursor), query.limit + 1);
    return this.cursors.page(rows, query.limit, shown);
  }

  /** Names may be given twice: the id of the newest of each of these names that exist. */
  async newestOf(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.templates.newestOf(names);
  }

  /** Sessions made from it stay as they are. @throws NotFound, ValidationFailed */
  async update(id: string, dto: UpdateSessionTemplateDto): Promise<SessionTemplateDto> {
    await this.clientTools.require([dto]);
    return this.db.run(async () => {
      const template = await this.templates.findForUpdate(id);
      if (!template) throw new NotFound('Template');
      await this.references.require(dto);
      template.name = dto.name ?? template.name;
      template.definition = changed(template.definition, dto);
      template.updatedAt = new Date();
      await this.templates.change(template);
      await this.events.publish('sessionTemplate.updated', {
        resourceType: 'sessionTemplate',
        resourceId: id,
        payload: {},
        changes: { ...dto },
      });
      return shown(template);
    });
  }

  /** @throws NotFound */
  async remove(id: string): Promise<void> {
    await this.db.run(async () => {
      if (!(await this.templates.remove(id))) throw new NotFound('Template');
      await this.events.publish('sessionTemplate.deleted', {
        resourceType: 'sessionTemplate',
        resourceId: id,
        payload: {},
      });
    });
  }
}

/** Given fields replace whole, null takes one out. */
function changed(definition: SessionDefinitionDto, given: SessionDefinitionDto): SessionDefinitionDto {
  const entries = FIELDS.map((field) => [field, given[field] === undefined ? definition[field] : given[field]]);
  return Object.fromEntries(entries.filter(([, value]) => value != null)) as SessionDefinitionDto;
}

function shown(template: Omit<SessionTemplateEntity, 'tenantId'>): SessionTemplateDto {
  const fields = Object.fromEntries(FIELDS.map((field) => [field, template.definition[field] ?? null]));
  return {
    id: template.id,
    name: template.name,
    ...(fields as Pick<SessionTemplateDto, (typeof FIELDS)[number]>),
    createdBy: template.createdBy,
    createdAt: template.createdAt.toISOString(),
    updatedAt: template.updatedAt.toISOString(),
  };
}
