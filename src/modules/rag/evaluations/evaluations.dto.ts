import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  MaxLength,
  ValidateNested,
} from 'class-validator';
import { spelledAlike } from '../../../platform/http/id.decorator.js';
import { pageOf } from '../../../platform/http/pagination.js';
import { ChunkingDto } from '../collections/collections.dto.js';
import { SEARCH_MODES, SearchedCollectionsDto, type SearchMode } from '../search/search.dto.js';
import type { Evaluation } from './evaluation.js';
import { mean } from './ranking-metrics.js';

const MOST_CASES = 1_000;

export class EvaluationCaseDto {
  @IsString()
  @Matches(/\S/, { message: 'query must not be empty' })
  @MaxLength(10_000)
  query: string;

  /** Documents that should be found, all of them alike. */
  @ApiProperty({
    type: 'array',
    items: { type: 'string', format: 'uuid' },
    minItems: 1,
    maxItems: 100,
    uniqueItems: true,
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @ArrayUnique(spelledAlike)
  @IsUUID('all', { each: true })
  relevant: string[];
}

export class CreateEvaluationDto extends SearchedCollectionsDto {
  /** By which people know it again. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  name?: string | null;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MOST_CASES)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => EvaluationCaseDto)
  cases: EvaluationCaseDto[];

  /** Absent: all. */
  @ApiPropertyOptional({
    type: 'array',
    items: { type: 'string', enum: [...SEARCH_MODES] },
    minItems: 1,
    uniqueItems: true,
  })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayUnique()
  @IsIn(SEARCH_MODES, { each: true })
  modes?: SearchMode[];
}

export class RankingMetricsDto {
  ndcgAt10: number;
  recallAt10: number;
  recallAt100: number;
  mrr: number;
}

/** Null: not asked for. */
export class EvaluationMetricsDto {
  hybrid?: RankingMetricsDto;
  vector?: RankingMetricsDto;
  keyword?: RankingMetricsDto;
}

export class JudgedCollectionDto {
  collectionId: string;
  embeddingModel: string;
  language: string;
  chunking: ChunkingDto;
  documentCount: number;
  chunkCount: number;
}

export class EvaluationErrorDto {
  code: string;
  message: string;
}

export class EvaluationDto {
  id: string;
  name: string | null;
  collectionIds: string[];

  @ApiProperty({ type: 'array', items: { type: 'string', enum: [...SEARCH_MODES] } })
  modes: SearchMode[];

  @ApiProperty({ enum: ['queued', 'running', 'completed', 'failed'] })
  status: Evaluation['status'];

  /** From 0 to 1. */
  progress: number;
  cases: number;
  /** By mode, over all cases; a document's rank is that of its best chunk. Empty until it has completed. */
  metrics: EvaluationMetricsDto;
  /** How the collections were set up when it was asked for. */
  settings: JudgedCollectionDto[];
  error: EvaluationErrorDto | null;
  createdBy: string | null;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** ISO 8601, UTC. */
  finishedAt: string | null;
}

export class EvaluationPage extends pageOf(EvaluationDto) {}

export class EvaluationAnswerDto {
  evaluation: EvaluationDto;
}

export function shownEvaluation(evaluation: Evaluation): EvaluationDto {
  const { id, name, collectionIds, modes, status, caseCount, done, sums, settings, error, createdBy } = evaluation;
  const metrics = Object.entries(sums).map(([mode, sum]) => [mode, mean(sum, caseCount)] as const);
  return {
    ...{ id, name, collectionIds, modes, status, settings, error, createdBy },
    progress: Math.round((done / caseCount) * 1_000) / 1_000,
    cases: caseCount,
    metrics: status === 'completed' ? Object.fromEntries(metrics) : {},
    createdAt: evaluation.createdAt.toISOString(),
    finishedAt: evaluation.finishedAt?.toISOString() ?? null,
  };
}
