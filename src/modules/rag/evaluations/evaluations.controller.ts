import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { Access } from '../../../platform/access/access.decorator.js';
import { BodyLimit } from '../../../platform/http/body-limit.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { PageQuery } from '../../../platform/http/pagination.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import { CreateEvaluationDto, EvaluationAnswerDto, EvaluationDto, EvaluationPage } from './evaluations.dto.js';
import { EvaluationsService } from './evaluations.service.js';

const CASES_BYTES = 8 * 1024 * 1024;

@Controller('rag/evaluations')
@PathResource(EvaluationsService, 'get')
export class EvaluationsController {
  constructor(private readonly evaluations: EvaluationsService) {}

  /** Judge how well what should be found is found. */
  @Post()
  @HttpCode(202)
  @BodyLimit(CASES_BYTES)
  @Access({ can: 'rag:create' })
  @Replay(async (controller: EvaluationsController, id) => ({ evaluation: await controller.get(id) }))
  create(@Body() dto: CreateEvaluationDto): Promise<EvaluationAnswerDto> {
    return this.evaluations.create(dto);
  }

  @Get()
  @Access({ can: 'rag:read' })
  list(@Query() query: PageQuery): Promise<EvaluationPage> {
    return this.evaluations.list(query);
  }

  @Get(':id')
  @Access({ can: 'rag:read' })
  get(@Id() id: string): Promise<EvaluationDto> {
    return this.evaluations.get(id);
  }
}
