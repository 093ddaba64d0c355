import { IsString, Matches, MaxLength } from 'class-validator';
import { pageOf } from '../../platform/http/pagination.js';

export class CreateDatabaseConnectionDto {
  /** By which the tools of `database` know it. */
  @IsString()
  @Matches(/\S/, { message: 'name must not be empty' })
  @MaxLength(100)
  name: string;

  /**
   * `postgres://user:password@host:port/database`, with `?sslmode=` `disable`, `require` (encrypted, whoever answers)
   * or `verify-full`; absent: encrypted where the server can. It is never shown again.
   */
  @IsString()
  @MaxLength(2000)
  url: string;
}

export class DatabaseConnectionDto {
  id: string;
  name: string;
  host: string;
  database: string;
  createdBy: string | null;
  /** ISO 8601, UTC. */
  createdAt: string;
}

export class DatabaseConnectionPage extends pageOf(DatabaseConnectionDto) {}
