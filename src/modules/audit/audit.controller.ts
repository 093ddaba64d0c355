import { Controller, Get, Query } from '@nestjs/common';
import { Access } from '../../platform/access/access.decorator.js';
import { AuditLogPage, ListAuditLogsQuery } from './audit.dto.js';
import { AuditService } from './audit.service.js';

@Controller('audit-logs')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  /** Who did what in this tenant, newest first. */
  @Get()
  @Access({ can: 'audit:read' })
  list(@Query() query: ListAuditLogsQuery): Promise<AuditLogPage> {
    return this.audit.list(query);
  }
}
