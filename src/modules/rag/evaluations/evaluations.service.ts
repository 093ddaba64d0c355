import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { NotFound, ValidationFailed } from '../../../contracts/errors.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { MAX_FAULTS } from '../../../platform/http/field-errors.js';
import { Cursors, type PageQuery } from '../../../platform/http/pagination.js';
import { JobQueue } from '../../../platform/jobs/job-queue.js';
import { WorkClaims } from '../../../platform/jobs/work-claims.js';
import { CollectionsService } from '../collections/collections.service.js';
import { DocumentsRepository } from '../documents/documents.repository.js';
import { SEARCH_MODES } from '../search/search.dto.js';
import type { Evaluation, EvaluationCase } from './evaluation.js';
import {
  shownEvaluation,
  type CreateEvaluationDto,
  type EvaluationAnswerDto,
  type EvaluationDto,
  type EvaluationPage,
} from './evaluations.dto.js';
import { EvaluationsRepository } from './evaluations.repository.js';

@Injectable()
export class EvaluationsService {
  constructor(
    private readonly evaluations: EvaluationsRepository,
    private readonly collections: CollectionsService,
    private readonly documents: DocumentsRepository,
    private readonly events: Events,
    private readonly cursors: Cursors,
    private readonly claims: WorkClaims,
    private readonly jobs: JobQueue,
    private readonly db: Db,
  ) {}

  /** @throws ValidationFailed */
  async create(dto: CreateEvaluationDto): Promise<EvaluationAnswerDto> {
    const { tenantId, userId } = currentTenantActor();
    const collections = await this.collections.requireAll(dto.collectionIds, 'collectionIds');
    const collectionIds = collections.map(({ id }) => id);
    const cases = await this.casesOf(dto, collectionIds);
    const evaluation: Evaluation = {
      ...{ id: v7(), name: dto.name ?? null, collectionIds, modes: dto.modes ?? [...SEARCH_MODES] },
      settings: collections.map(({ id, embeddingModel, language, chunking, documentCount, chunkCount }) => {
        return { collectionId: id, embeddingModel, language, chunking, documentCount, chunkCount };
      }),
      ...{ status: 'queued', caseCount: cases.length, done: 0, sums: {}, error: null },
      ...{ createdBy: userId, createdAt: new Date(), finishedAt: null },
    };
    await this.db.run(async () => {
      await this.evaluations.add(evaluation, cases);
      const payload = { collectionIds, cases: cases.length };
      await this.events.publish('evaluation.created', {
        ...{ resourceType: 'evaluation', resourceId: evaluation.id, payload },
      });
      const backlog = await this.claims.backlog('rag_evaluations');
      this.jobs.ring('evaluation.run', { tenantId, evaluationId: evaluation.id }, { backlog });
    });
    return { evaluation: shownEvaluation(evaluation) };
  }

  /** @throws NotFound */
  async get(id: string): Promise<EvaluationDto> {
    const evaluation = await this.evaluations.findReadable(id);
    if (!evaluation) throw new NotFound('Evaluation');
    return shownEvaluation(evaluation);
  }

  async list({ cursor, limit }: PageQuery): Promise<EvaluationPage> {
    const rows = await this.evaluations.listReadable(this.cursors.id(cursor), limit + 1);
    return this.cursors.page(rows, limit, shownEvaluation);
  }

  /** @throws ValidationFailed naming documents that are in none of the collections */
  private async casesOf({ cases }: CreateEvaluationDto, collectionIds: string[]): Promise<EvaluationCase[]> {
    const given = cases.map(({ query, relevant }) => ({ query, relevant: relevant.map((id) => id.toLowerCase()) }));
    const known = await this.documents.among(collectionIds, [...new Set(given.flatMap(({ relevant }) => relevant))]);
    const faults = given.flatMap(({ relevant }, at) =>
      relevant.flatMap((id, index) =>
        known.has(id)
          ? []
          : [
              {
                field: `cases[${at}].relevant[${index}]`,
                message: 'There is no such document in the collections',
                value: id,
              },
            ],
      ),
    );
    if (faults.length > 0) throw new ValidationFailed(faults.slice(0, MAX_FAULTS));
    return given;
  }
}
