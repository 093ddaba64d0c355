import { ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsNotEmpty,
  IsObject,
  IsOptional,
  IsString,
  MaxLength,
  ValidateNested,
} from 'class-validator';
import { RunDto } from '../runs/runs.dto.js';

/** One part of what a tool gave. */
export class ToolTextInput {
  @IsIn(['text'])
  type: 'text';

  @IsString()
  text: string;
}

export class ToolResultDto {
  /** As the `client_tool.called` event named it. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  toolUseId: string;

  @ApiProperty({
    // Gives way to `oneOf`; without it the property's own type, a list, would stand around both.
    type: String,
    oneOf: [{ type: 'string' }, { type: 'array', items: { $ref: getSchemaPath(ToolTextInput) } }],
  })
  @Type(() => ToolTextInput)
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' ? [Object.assign(new ToolTextInput(), { type: 'text', text: value })] : value,
  )
  @IsArray({ message: 'content must be a string or a list of text blocks' })
  @ArrayMaxSize(100)
  @IsObject({ each: true, message: 'content must be a string or a list of text blocks' })
  @ValidateNested({ each: true, message: 'content must be a string or a list of text blocks' })
  content: ToolTextInput[];

  @IsOptional()
  @IsBoolean()
  isError?: boolean;
}

export class ToolResultTakenDto {
  run: RunDto;
}
