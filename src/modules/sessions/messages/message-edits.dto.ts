import { ApiProperty, PickType } from '@nestjs/swagger';
import { IsIn, IsInt, IsObject, IsOptional, IsString, Matches, MaxLength, ValidateIf } from 'class-validator';
import { MaxJsonBytes, METADATA_BYTES } from '../../../platform/http/max-json-bytes.decorator.js';
import { SendMessageDto } from './messages.dto.js';

export class UpdateMessageDto {
  /** The new text, of a user's message; its images and documents stay. */
  @ValidateIf((dto: UpdateMessageDto) => dto.content !== undefined)
  @IsString()
  @Matches(/\S/, { message: 'content must not be empty' })
  content?: string;

  @IsOptional()
  @IsObject()
  @MaxJsonBytes(METADATA_BYTES)
  metadata?: Record<string, unknown> | null;
}

export class RateMessageDto {
  @ApiProperty({ type: 'integer', enum: [1, -1] })
  @IsInt()
  @IsIn([1, -1])
  rating: 1 | -1;

  @IsOptional()
  @IsString()
  @MaxLength(2000)
  comment?: string | null;
}

/** As of a message that is sent; `metadata` replaces that of the user's message. */
export class RegenerateDto extends PickType(SendMessageDto, ['stream', 'background', 'model', 'context', 'metadata']) {}
