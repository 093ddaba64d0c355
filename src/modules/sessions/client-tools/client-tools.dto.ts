import { IsBoolean, IsIn, IsNotEmpty, IsOptional, IsString, IsUUID, MaxLength, ValidateIf } from 'class-validator';
import { Content } from '../messages/content.decorator.js';
import { RunDto } from '../runs/runs.dto.js';

/** One part of what a tool gave. */
export class ToolContentInput {
  @IsIn(['text', 'image', 'document'])
  type: 'text' | 'image' | 'document';

  /** For `text`; may be empty. */
  @ValidateIf((block: ToolContentInput) => block.type === 'text')
  @IsString()
  text?: string;

  /** For `image` and `document`: an uploaded file. */
  @ValidateIf((block: ToolContentInput) => block.type !== 'text')
  @IsUUID('all')
  fileId?: string;
}

function blocksOf(text: string): ToolContentInput[] {
  return [Object.assign(new ToolContentInput(), { type: 'text', text })];
}

export class ToolResultDto {
  /** As the `client_tool.called` event named it. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  toolUseId: string;

  @Content(ToolContentInput, blocksOf, { isEmptyAllowed: true })
  content: ToolContentInput[];

  @IsOptional()
  @IsBoolean()
  isError?: boolean;
}

export class ToolResultTakenDto {
  run: RunDto;
}
