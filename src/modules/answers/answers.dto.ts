import { ApiProperty } from '@nestjs/swagger';
import {
  IsBoolean,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { PageQuery, pageOf } from '../../platform/http/pagination.js';
import { CitationDto } from '../models/citation.dto.js';
import { LONGEST_QUERY, SearchedCollectionsDto, SearchResultDto } from '../rag/search/search.dto.js';
import { UsageDto } from '../sessions/usage.dto.js';
import type { KnowledgeQuery } from './query.js';

export class AskDto extends SearchedCollectionsDto {
  @IsString()
  @Matches(/\S/, { message: 'question must not be empty' })
  @MaxLength(LONGEST_QUERY)
  question: string;

  /** Whose model and instructions the answer is written with. */
  @IsOptional()
  @IsUUID('all')
  agentId?: string;

  /** Passages that the model is given at most. Absent: 8. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(50)
  topK?: number;

  /** As in a search. */
  @IsOptional()
  @IsObject()
  filter?: Record<string, unknown>;

  /**
   * Answers with Server-Sent Events: `answer.delta` {text} for each piece of the answer, and `query.completed` with the
   * whole. `answer.discarded` {reason}: the model is asked anew, and the pieces so far are void. `query.failed` {error}:
   * there will be no answer.
   */
  @IsOptional()
  @IsBoolean()
  stream?: boolean;
}

export class AnswerDto {
  answer: string;
  /** What the pieces of the answer are taken from; each was found in its chunk, word for word. */
  citations: CitationDto[];
  /** The passages that the model was given, the best first. */
  sources: SearchResultDto[];
  usage: UsageDto;
  queryId: string;
}

export class ListQueriesQuery extends PageQuery {
  /** Those that named it. */
  @IsOptional()
  @IsUUID('all')
  collectionId?: string;
}

export class QueryErrorDto {
  code: string;
  message: string;
}

export class QueryDto extends AnswerDto {
  id: string;
  collectionIds: string[];
  question: string;
  agentId: string | null;
  model: string;

  /** `cancelled`: who asked did not wait for the answer. */
  @ApiProperty({ enum: ['completed', 'failed', 'cancelled'] })
  status: KnowledgeQuery['status'];

  error: QueryErrorDto | null;
  durationMs: number;
  createdBy: string | null;
  /** ISO 8601, UTC. */
  createdAt: string;
}

export class QueryPage extends pageOf(QueryDto) {}

export function shownAnswer({ id, answer, citations, sources, usage }: KnowledgeQuery): AnswerDto {
  return { answer, citations, sources, usage, queryId: id };
}

export function shownQuery(query: KnowledgeQuery): QueryDto {
  const { id, collectionIds, question, agentId, model, status, error, durationMs, createdBy, createdAt } = query;
  return {
    ...shownAnswer(query),
    ...{ id, collectionIds, question, agentId, model, status, error, durationMs, createdBy },
    createdAt: createdAt.toISOString(),
  };
}
