import { IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';

export class ForkSessionDto {
  /** The last message to be copied; absent: the last there is. */
  @IsOptional()
  @IsUUID('all')
  messageId?: string | null;

  /** Absent: that of the session it comes from. */
  @IsOptional()
  @IsString()
  @MaxLength(500)
  title?: string | null;
}
