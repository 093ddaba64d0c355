import { Injectable } from '@nestjs/common';
import { NotFound } from '../../contracts/errors.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { Cursors } from '../../platform/http/pagination.js';
import { TenantsService } from '../tenants/tenants.service.js';
import type { ListedTool } from './tool.js';
import { ToolRegistry } from './tool-registry.service.js';
import type { ListToolsQuery, ToolDto, ToolPage } from './tools.dto.js';

/** Cursors end with an id; tools have names alone. */
const NO_ID = '00000000-0000-0000-0000-000000000000';

/** The tools that a tenant's agents could be given, and which of them they are. */
@Injectable()
export class ToolsService {
  constructor(
    private readonly registry: ToolRegistry,
    private readonly tenants: TenantsService,
    private readonly events: Events,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  /** By name. */
  async list({ source, cursor, limit }: ListToolsQuery): Promise<ToolPage> {
    const [after] = this.cursors.decode(cursor, 2);
    const { tools, disabled } = await this.known();
    const rows = tools
      .filter(({ definition }) => source === undefined || definition.source === source)
      .map((tool) => shownTool(tool, disabled))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .filter(({ name }) => after === undefined || name > after)
      .map((tool) => ({ id: tool.name, tool }));
    return this.cursors.page(
      rows,
      limit,
      ({ tool }) => tool,
      ({ id }) => [id, NO_ID],
    );
  }

  /** @throws NotFound */
  async get(name: string): Promise<ToolDto> {
    const { tools, disabled } = await this.known();
    const tool = tools.find(({ definition }) => definition.name === name);
    if (!tool) throw new NotFound('Tool');
    return shownTool(tool, disabled);
  }

  /** For runs that begin from now on. @throws NotFound */
  async setEnabled(name: string, enabled: boolean): Promise<ToolDto> {
    await this.get(name);
    await this.db.run(async () => {
      await this.tenants.setToolEnabled(name, enabled);
      if (enabled) await this.registry.approve(name);
      const event = { resourceType: 'tool', resourceId: null, payload: { tool: name } };
      await this.events.publish(enabled ? 'tool.enabled' : 'tool.disabled', event);
    });
    return this.get(name);
  }

  private async known(): Promise<{ tools: ListedTool[]; disabled: ReadonlySet<string> }> {
    const [tools, { disabledTools }] = await Promise.all([this.registry.list(), this.tenants.toolRules()]);
    return { tools, disabled: new Set(disabledTools) };
  }
}

function shownTool({ definition, changed }: ListedTool, disabled: ReadonlySet<string>): ToolDto {
  const { name, description, inputSchema, source } = definition;
  return { name, description, inputSchema, source, enabled: !disabled.has(name), changed };
}
