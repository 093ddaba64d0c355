import { ApiProperty } from '@nestjs/swagger';
import type { Citation } from '../../contracts/passage.js';

/** What a piece of an answer is taken from. Offsets count UTF-16 units. */
export class CitationDto implements Citation {
  documentId: string;
  chunkId: string;
  /** The document's. */
  title: string;
  /** Stands in the chunk's `content` from `start` to `end`, exactly so. */
  quote: string;
  @ApiProperty({ type: 'integer' })
  start: number;
  @ApiProperty({ type: 'integer' })
  end: number;
  /** The piece of the answer that it supports. */
  @ApiProperty({ type: 'integer' })
  answerStart: number;
  @ApiProperty({ type: 'integer' })
  answerEnd: number;
}
