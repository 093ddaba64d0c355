import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditController } from './audit.controller.js';
import { AuditRepository } from './audit.repository.js';
import { AuditService } from './audit.service.js';
import { EventEntity } from './event.entity.js';

@Module({
  imports: [TypeOrmModule.forFeature([EventEntity])],
  controllers: [AuditController],
  providers: [AuditRepository, AuditService],
})
export class AuditModule {}
