import { IsNotEmpty, IsString, MaxLength } from 'class-validator';

export class RenewDto {
  /** An access token or API key of the same user and tenant. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(8192)
  token: string;
}
