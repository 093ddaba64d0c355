import { ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsUUID } from 'class-validator';
import { spelledAlike } from '../../platform/http/id.decorator.js';
import { ApiProperty } from '@nestjs/swagger';
import { SessionDto } from './sessions.dto.js';

export const MAX_SESSIONS = 100;

export class SessionsMadeDto {
  /** In the order of the bodies. */
  data: SessionDto[];
}

export class DeleteSessionsDto {
  @ApiProperty({ type: 'array', items: { type: 'string', format: 'uuid' }, uniqueItems: true, maxItems: MAX_SESSIONS })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_SESSIONS)
  @ArrayUnique(spelledAlike)
  @IsUUID('all', { each: true })
  ids: string[];
}
