import { Body, Controller, Delete, Get, HttpCode, Injectable, Patch, Post, Query, Res } from '@nestjs/common';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsInt,
  IsNotEmpty,
  IsObject,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  ValidateNested,
} from 'class-validator';
import type { Response } from 'express';
import { v7 } from 'uuid';
import { Conflict, NotFound } from '../src/contracts/errors.js';
import { permissionsOf, type Role } from '../src/contracts/permissions.js';
import { Access, Public } from '../src/platform/access/access.decorator.js';
import { Authenticator, type Authenticated } from '../src/platform/access/authenticator.js';
import { currentScope, currentTenantActor } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import { BodyLimit } from '../src/platform/http/body-limit.decorator.js';
import { Id } from '../src/platform/http/id.decorator.js';
import { Replay } from '../src/platform/http/idempotency.js';
import { Cursors, PageQuery } from '../src/platform/http/pagination.js';
import { PathResource } from '../src/platform/http/path-resource.js';
import { RedisConnections } from '../src/platform/redis/redis-connections.js';

/** Knows three callers; a token is the name of one. */
class FakeAuthenticator extends Authenticator {
  async authenticate(credential: string): Promise<Authenticated | null> {
    const [name = '', plan] = credential.split('-');
    const role = ({ owner: 'owner', viewer: 'viewer', other: 'owner' } as Record<string, Role>)[name];
    if (!role) return null;
    return {
      plan: plan === 'premium' ? 'premium' : 'standard',
      expiresAt: null,
      actor: {
        kind: 'user',
        tenantId: '01900000-0000-7000-8000-000000000001',
        userId: `01900000-0000-7000-8000-0000000000${name === 'other' ? '03' : '02'}`,
        role,
        permissions: permissionsOf(role),
        credentialId: null,
        superadmin: false,
      },
    };
  }
}

class PartDto {
  @IsString()
  @MaxLength(50)
  name: string;

  @IsOptional()
  @IsString()
  apiKey?: string;
}

class LimitsDto {
  @IsOptional()
  @IsInt()
  @Max(100)
  maxTurns?: number;
}

export class ThingDto {
  @IsString()
  @IsNotEmpty()
  @MaxLength(5000)
  name: string;

  @IsOptional()
  @IsInt()
  size?: number;

  @IsOptional()
  @IsString()
  @MaxLength(10)
  password?: string;

  @IsOptional()
  @ValidateNested()
  @Type(() => LimitsDto)
  resourceLimits?: LimitsDto;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(5)
  @ValidateNested({ each: true })
  @Type(() => PartDto)
  parts?: PartDto[];

  @IsOptional()
  @IsObject()
  metadata?: Record<string, unknown>;
}

export const THING_ID = '01900000-0000-7000-8000-00000000000a';

@Injectable()
export class Things {
  require(id: string): { id: string } {
    if (id !== THING_ID) throw new NotFound('Thing');
    return { id };
  }
}

@Controller('things')
@PathResource(Things, 'require')
export class ThingsController {
  constructor(
    private readonly things: Things,
    private readonly cursors: Cursors,
  ) {}

  @Post()
  @Access({ can: 'agents:create' })
  @Replay(false)
  create(@Body() dto: ThingDto): object {
    return { id: THING_ID, ...dto };
  }

  @Get()
  @Access({ can: 'agents:read' })
  list(@Query() query: PageQuery): object {
    const after = this.cursors.id(query.cursor);
    const rows = Array.from({ length: query.limit + 1 }, () => ({ id: v7() }));
    return { after, ...this.cursors.page(rows, query.limit, (row) => row) };
  }

  @Get(':id')
  @Access({ can: 'agents:read' })
  get(@Id() id: string): object {
    return this.things.require(id);
  }

  @Patch(':id')
  @Access({ can: 'agents:update' })
  update(@Id() id: string, @Body() dto: ThingDto): object {
    return { ...this.things.require(id), ...dto };
  }

  @Post(':id/press')
  @HttpCode(200)
  @Access({ can: 'agents:update' })
  @Replay(false)
  press(@Id() id: string): object {
    return this.things.require(id);
  }

  @Delete(':id')
  @HttpCode(204)
  @Access({ can: 'agents:delete' })
  remove(@Id() id: string): void {
    this.things.require(id);
    throw new Conflict('The thing is in use');
  }
}

@Controller('odd')
export class OddController {
  @Get('scope')
  @Access({})
  async scope(): Promise<object> {
    await new Promise((resolve) => setImmediate(resolve));
    const { correlationId, ip, userAgent } = currentScope();
    return { correlationId, ip, userAgent, userId: currentTenantActor().userId };
  }

  @Post('scope')
  @Public('for the test')
  @Replay(false)
  scopeAfterBody(@Body() body: ThingDto): object {
    return { correlationId: currentScope().correlationId, name: body.name };
  }

  @Post('small')
  @Public('for the test')
  @Replay(false)
  @BodyLimit(64)
  small(@Body() dto: ThingDto): object {
    return dto;
  }

  @Get('broken')
  @Public('for the test')
  broken(): never {
    throw new Error('connect ECONNREFUSED postgres://atrium:hunter22@10.0.0.5/atrium');
  }

  @Get('cut')
  @Public('for the test')
  cut(@Res() response: Response): never {
    response.setHeader('Content-Type', 'application/octet-stream').write('half');
    throw new Error('later');
  }

  @Get('stream')
  @Public('for the test')
  stream(@Res() response: Response): never {
    response.setHeader('Content-Type', 'text/event-stream').write('event: a\n\n');
    throw new Error('later');
  }
}

/** What the HTTP platform needs of the rest; the things' own. */
export const OUTSIDE = {
  providers: [
    { provide: Authenticator, useClass: FakeAuthenticator },
    { provide: RedisConnections, useValue: null },
    // No request of these tests has an Idempotency-Key, which is all that the platform would need it for.
    { provide: Db, useValue: { ping: () => Promise.resolve() } },
    Things,
  ],
};
export const PLENTY = { RATE_LIMIT_ANONYMOUS: '100000', RATE_LIMIT_AUTHENTICATED: '100000' };
