import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsNotEmpty,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  MaxLength,
  ValidateIf,
} from 'class-validator';
import { ApiExtraModels, ApiProperty } from '@nestjs/swagger';
import { PageQuery, pageOf } from '../../../platform/http/pagination.js';
import { MaxJsonBytes, METADATA_BYTES } from '../../../platform/http/max-json-bytes.decorator.js';
import { CitationDto } from '../../models/citation.dto.js';
import { Content } from './content.decorator.js';
import { ON_BUSY, type OnBusy } from '../runs/on-busy.js';
import { RunDto } from '../runs/runs.dto.js';
import { UsageDto } from '../usage.dto.js';
import { PermissionDto } from '../permissions/permissions.dto.js';
import type { Message, StoredBlock, ToolCallStatus } from './message.js';

/** One part of a message that a user sends. */
export class ContentBlockInput {
  @IsIn(['text', 'image', 'document'])
  type: 'text' | 'image' | 'document';

  /** For `text`. */
  @ValidateIf((block: ContentBlockInput) => block.type === 'text')
  @IsString()
  @Matches(/\S/, { message: 'text must not be empty' })
  text?: string;

  /** For `image` and `document`. */
  @ValidateIf((block: ContentBlockInput) => block.type !== 'text')
  @IsUUID('all')
  fileId?: string;
}

function blocksOf(text: string): ContentBlockInput[] {
  return text.trim() === '' ? [] : [Object.assign(new ContentBlockInput(), { type: 'text', text })];
}

export class MessageOptionsDto {
  /** Ids of uploaded files. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @IsUUID('all', { each: true })
  attachments?: string[];

  /** Used for this run instead of the session's or the agent's. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  model?: string;

  /** JSON merge patch of the session's context, applied before the run. */
  @IsOptional()
  @IsObject()
  context?: Record<string, unknown>;

  @IsOptional()
  @IsObject()
  @MaxJsonBytes(METADATA_BYTES)
  metadata?: Record<string, unknown>;
}

@ApiExtraModels(ContentBlockInput)
export class SendMessageDto extends MessageOptionsDto {
  @Content(ContentBlockInput, blocksOf, { isEmptyAllowed: false })
  @ArrayMinSize(1, { message: 'content must not be empty' })
  content: ContentBlockInput[];

  /** Answer with Server-Sent Events. */
  @IsOptional()
  @IsBoolean()
  stream?: boolean;

  /** Answer at once with the run. */
  @IsOptional()
  @IsBoolean()
  background?: boolean;

  /**
   * When a run is on: refuse the message, take it in and answer it in its turn, or cancel what is on and in line and
   * answer this.
   */
  @IsOptional()
  @IsIn(ON_BUSY)
  onBusy?: OnBusy;
}

export class ListMessagesQuery extends PageQuery {
  @IsOptional()
  @IsIn(['user', 'assistant', 'system', 'tool'])
  role?: Message['role'];

  /**
   * Words that the text holds, all of them, each from its beginning on. Best first. Where more hold them, of the newest
   * 10,000 messages that do.
   */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  search?: string;
}

export class ContentBlockDto {
  type: 'text' | 'image' | 'document' | 'thinking' | 'tool_use' | 'tool_result';
  text?: string;
  fileId?: string;
  id?: string;
  name?: string;
  input?: Record<string, unknown>;
}

export class ToolCallDto {
  id: string;
  /** `server:tool`. */
  name: string;
  input: Record<string, unknown>;
  status: ToolCallStatus;
  isError: boolean | null;
  /** Of more than 1 MiB the beginning. */
  output: string | null;
  /** The output goes on; the whole is at `outputUrl`. */
  truncated?: boolean;
  outputUrl?: string;
  /** Images and documents that the application gave with its result. */
  files?: ContentBlockDto[];
  durationMs: number | null;
}

export class FeedbackDto {
  @ApiProperty({ type: 'integer', enum: [1, -1] })
  rating: 1 | -1;
  comment: string | null;
}

export class MessageDto {
  id: string;
  sessionId: string;
  runId: string | null;
  role: Message['role'];
  /** The plain text of `blocks`. */
  content: string;
  blocks: ContentBlockDto[];
  toolCalls: ToolCallDto[];
  citations: CitationDto[];
  parentMessageId: string | null;
  usage: UsageDto | null;
  feedback: FeedbackDto | null;
  metadata: Record<string, unknown>;
  /** For a summary: the number of messages before it for which it stands when the model is asked. Else null. */
  summarizes: number | null;
  /** ISO 8601, UTC. */
  createdAt: string;
  updatedAt: string;
}

export class MessagePage extends pageOf(MessageDto) {}

export class PendingToolCallDto {
  toolUseId: string;
  name: string;
  input: Record<string, unknown>;
}

/** What a run that waits is waiting for: nothing of either when its session is paused. Absent when it does not wait. */
export class PendingDto {
  pendingPermissions?: PermissionDto[];
  pendingToolCalls?: PendingToolCallDto[];
}

export class MessageSentDto extends PendingDto {
  /** The answer; absent with `background`, null when the run failed. */
  message?: MessageDto | null;
  run: RunDto;
}

export function shownMessage(message: Omit<Message, 'tenantId' | 'position'>): MessageDto {
  return {
    id: message.id,
    sessionId: message.sessionId,
    runId: message.runId,
    role: message.role,
    content: message.content,
    blocks: message.blocks.flatMap(shownBlock),
    toolCalls: message.toolCalls.map(({ turn: _turn, files, ...call }) => ({
      ...call,
      ...(files && { files: files.flatMap(shownBlock) }),
    })),
    citations: message.citations,
    parentMessageId: message.parentMessageId,
    usage: message.usage,
    feedback: message.feedback,
    metadata: message.metadata,
    summarizes: message.summarizes,
    createdAt: message.createdAt.toISOString(),
    updatedAt: message.updatedAt.toISOString(),
  };
}

/** Signatures and redacted thinking are the provider's business. */
function shownBlock(block: StoredBlock): ContentBlockDto[] {
  switch (block.type) {
    case 'redacted_thinking':
      return [];
    case 'tool_use':
      return [{ type: block.type, id: block.id, name: block.name, input: block.input }];
    case 'image':
    case 'document':
      return [{ type: block.type, fileId: block.fileId }];
    case 'text':
    case 'thinking':
      return [{ type: block.type, text: block.text }];
  }
}
