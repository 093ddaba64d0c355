import { IsIn, IsObject, IsOptional } from 'class-validator';

/** Of one tool; absent: what holds for the server, or what the tool says of itself. */
export class ToolOverrideDto {
  timeoutMs?: number;
  idempotent?: boolean;
}

export class ToolPolicyDto {
  /** What becomes of a tool whose definition is another than the one that was seen first or approved since; null: allow. */
  @IsOptional()
  @IsIn(['allow', 'ask', 'disable'])
  onChange?: 'allow' | 'ask' | 'disable' | null;

  /** By the tools' bare names. */
  @IsOptional()
  @IsObject()
  tools?: Record<string, ToolOverrideDto> | null;
}
