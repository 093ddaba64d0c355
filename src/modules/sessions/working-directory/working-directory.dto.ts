import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { PageQuery, pageOf } from '../../../platform/http/pagination.js';

/** A file in the working directory of a session. */
export class WorkingFileDto {
  /** From the working directory on, like `docs/a.txt` */
  path: string;

  /** @example 12 */
  sizeBytes: number;

  /** By the end of its name */
  mimeType: string;

  updatedAt: Date;
}

export class WorkingFilePage extends pageOf(WorkingFileDto) {}

export class ListWorkingFilesQuery extends PageQuery {
  @ApiPropertyOptional({ enum: ['tar.gz'], description: 'All of it as one archive, in place of the list' })
  @IsOptional()
  @IsIn(['tar.gz'])
  archive?: 'tar.gz';
}
