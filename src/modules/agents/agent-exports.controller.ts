import { Body, Controller, Get, Post } from '@nestjs/common';
import { Access } from '../../platform/access/access.decorator.js';
import { BodyLimit } from '../../platform/http/body-limit.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { Id } from '../../platform/http/id.decorator.js';
import { PathResource } from '../../platform/http/path-resource.js';
import { AgentExportDto, ImportAgentDto } from './agent-export.dto.js';
import { AgentExportsService } from './agent-exports.service.js';
import { AgentDto } from './agents.dto.js';
import { AgentsService } from './agents.service.js';

/** An agent that was changed field by field may be larger than any body that changed it. */
const IMPORT_LIMIT_BYTES = 4 * 1024 * 1024;

@Controller('agents')
@PathResource(AgentsService, 'require')
export class AgentExportsController {
  constructor(
    private readonly agents: AgentsService,
    private readonly exports: AgentExportsService,
  ) {}

  @Get(':id/export')
  @Access({ can: 'agents:read' })
  export(@Id() id: string): Promise<AgentExportDto> {
    return this.exports.export(id);
  }

  @Post('import')
  @BodyLimit(IMPORT_LIMIT_BYTES)
  @Access({ can: 'agents:create' })
  @Replay((controller: AgentExportsController, id) => controller.agents.get(id))
  import(@Body() dto: ImportAgentDto): Promise<AgentDto> {
    return this.exports.import(dto);
  }
}
