import { createHmac, timingSafeEqual } from 'node:crypto';
import { Injectable, type Type } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { BadRequest } from '../../contracts/errors.js';
import { Settings } from '../config/settings.js';
import { isUuid } from './id.decorator.js';

export class PageQuery {
  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: 100, default: 20, description: 'Items per page' })
  @Transform(({ value }: { value: unknown }) => wholeNumber(value))
  @IsInt()
  @Min(1)
  @Max(100)
  limit = 20;

  @ApiPropertyOptional({ type: 'string', description: 'The `nextCursor` of the page before' })
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  cursor?: string;
}

/** Digits as their number; anything else stays what it is, to be refused. */
function wholeNumber(value: unknown): unknown {
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
}

export interface Page<Item> {
  data: Item[];
  nextCursor: string | null;
}

/** The class of a page of `item`, for OpenAPI: `class AgentPage extends pageOf(AgentDto) {}`. */
export function pageOf<Item>(item: Type<Item>): Type<Page<Item>> {
  class PageOfItem implements Page<Item> {
    @ApiProperty({ type: [item] })
    data: Item[];

    @ApiProperty({ type: 'string', nullable: true, description: 'Null on the last page' })
    nextCursor: string | null;
  }
  return PageOfItem;
}

const MAC_BYTES = 16;

/**
 * Where a page ends, as an opaque text that only this installation can make: the sort values of its last row, as text,
 * the id last. A time among them has to keep what the database compares, so it is either written by us in whole
 * milliseconds or selected as text.
 */
@Injectable()
export class Cursors {
  private readonly keys: Buffer[];

  constructor(settings: Settings) {
    this.keys = settings.secrets.jwt.map((secret) => createHmac('sha256', secret).update('atrium cursors').digest());
  }

  /**
   * The id of a list that is sorted by id alone; null for the first page.
   * @throws BadRequest
   */
  id(cursor: string | undefined): string | null {
    return this.decode(cursor, 1)[0] ?? null;
  }

  /**
   * The `count` values a page was ended with; none for the first page.
   * @throws BadRequest for a cursor that was not made here or belongs to another order
   */
  decode(cursor: string | undefined, count: number): string[] {
    if (cursor === undefined) return [];
    const bytes = Buffer.from(cursor, 'base64url');
    const content = bytes.subarray(MAC_BYTES);
    const isOurs = this.keys.some((key) => sameBytes(mac(key, content), bytes.subarray(0, MAC_BYTES)));
    // Base64 has several spellings of one value; only the one that was handed out counts.
    if (!isOurs || bytes.toString('base64url') !== cursor) throw new BadRequest('The cursor is not valid');
    const values = JSON.parse(content.toString()) as string[];
    if (values.length !== count || !isUuid(values.at(-1))) throw new BadRequest('The cursor belongs to another list');
    return values;
  }

  /** A page out of up to `limit + 1` rows; `position` gives the row's sort values, the id last. */
  page<Row extends { id: string }, Item>(
    rows: readonly Row[],
    limit: number,
    shown: (row: Row) => Item,
    position: (row: Row) => string[] = ({ id }) => [id],
  ): Page<Item> {
    const kept = rows.slice(0, limit);
    const last = kept.at(-1);
    return { data: kept.map(shown), nextCursor: rows.length > limit && last ? this.encode(position(last)) : null };
  }

  private encode(values: string[]): string {
    const content = Buffer.from(JSON.stringify(values));
    const [key] = this.keys;
    if (!key) throw new Error('No secret to sign cursors with');
    return Buffer.concat([mac(key, content), content]).toString('base64url');
  }
}

function mac(key: Buffer, content: Buffer): Buffer {
  return createHmac('sha256', key).update(content).digest().subarray(0, MAC_BYTES);
}

function sameBytes(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
