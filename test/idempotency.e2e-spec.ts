import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, HttpCode, Injectable, Post, Res } from '@nestjs/common';
import { IsIn, IsOptional, IsString } from 'class-validator';
import type { Response } from 'express';
import { v7 } from 'uuid';
import { BadRequest, NotFound } from '../src/contracts/errors.js';
import { permissionsOf } from '../src/contracts/permissions.js';
import { Access } from '../src/platform/access/access.decorator.js';
import { Actor } from '../src/platform/access/actor.js';
import { Authenticator, type Authenticated } from '../src/platform/access/authenticator.js';
import { currentScope, runAs } from '../src/platform/access/scope.js';
import { DatabaseModule } from '../src/platform/database/database.module.js';
import { Db } from '../src/platform/database/db.js';
import { Id } from '../src/platform/http/id.decorator.js';
import { IdempotencyRepository } from '../src/platform/http/idempotency.repository.js';
import { Replay } from '../src/platform/http/idempotency.js';
import { PathResource } from '../src/platform/http/path-resource.js';
import { RedisConnections } from '../src/platform/redis/redis-connections.js';
import { Client } from './client.js';
import { startHttp, type HttpApp } from './http-app.js';
import { asSystem, eventually, givenTenant } from './platform-fixtures.js';
import { createTestStore, type TestStore } from './test-store.js';

/** A token is `<tenantId>.<userId>`. */
class TokensNameTheCaller extends Authenticator {
  async authenticate(credential: string): Promise<Authenticated> {
    const [tenantId = '', userId = ''] = credential.split('.');
    const actor = { ...Actor.job(tenantId, userId), kind: 'user' as const, permissions: permissionsOf('owner') };
    return { actor, plan: 'standard', expiresAt: null };
  }
}

class NoteDto {
  @IsString()
  text: string;

  /** Where in its work the request gets stuck or fails. */
  @IsOptional()
  @IsIn(['waits-before', 'waits-after', 'fails-before', 'fails-within', 'fails-after'])
  fate?: string;
}

async function bind(resourceId: string, resourceType: string): Promise<void> {
  const { bindIdempotency } = currentScope() as {
    bindIdempotency: ((id: string, type: string) => Promise<void>) | null;
  };
  await bindIdempotency?.(resourceId, resourceType);
}

@Injectable()
class Notes {
  readonly stored = new Map<string, string>();
  started = 0;
  private open: (() => void)[] = [];

  constructor(private readonly db: Db) {}

  /** In one transaction binds the key and changes the row, as `events.publish` and a repository would. */
  async write({ text, fate }: NoteDto): Promise<string> {
    this.started++;
    const id = v7();
    if (fate === 'waits-before') await this.gate();
    if (fate === 'fails-before') throw new BadRequest('before');
    await this.db.run(async () => {
      await bind(id, 'note');
      await bind(v7(), 'note');
      if (fate === 'fails-within') throw new BadRequest('within');
    });
    this.stored.set(id, text);
    if (fate === 'waits-after') await this.gate();
    if (fate === 'fails-after') throw new BadRequest('after');
    return id;
  }

  async writeFolder(): Promise<void> {
    await this.db.run(() => bind(v7(), 'folder'));
  }

  require(id: string): { id: string; text: string } {
    const text = this.stored.get(id);
    if (text === undefined) throw new NotFound('Note');
    return { id, text };
  }

  letGo(): void {
    for (const open of this.open.splice(0)) open();
  }

  private gate(): Promise<void> {
    return new Promise((resolve) => this.open.push(resolve));
  }
}

@Controller('notes')
@PathResource(Notes, 'require')
class NotesController {
  constructor(private readonly notes: Notes) {}

  @Post()
  @Access({})
  @Replay((controller: NotesController, id) => controller.get(id))
  async create(@Body() dto: NoteDto): Promise<object> {
    return this.notes.require(await this.notes.write(dto));
  }

  @Get(':id')
  @Access({})
  get(@Id() id: string): object {
    return this.notes.require(id);
  }

  @Post(':id/read')
  @HttpCode(200)
  @Access({})
  @Replay((controller: NotesController, id) => controller.get(id))
  read(@Id() id: string): object {
    this.notes.started++;
    return { read: this.notes.require(id) };
  }

  @Post('stream')
  @HttpCode(200)
  @Access({})
  @Replay((controller: NotesController, id, _request, response) => controller.write(id, response, 'again'))
  async stream(@Body() dto: NoteDto, @Res() response: Response): Promise<void> {
    this.write(await this.notes.write(dto), response, 'first');
  }

  /** Nest would send what such a handler returns; this one has ended the response itself. */
  @Post('either')
  @HttpCode(200)
  @Access({})
  @Replay((controller: NotesController, id, _request, response) => controller.write(id, response, 'again'))
  async either(@Body() dto: NoteDto, @Res({ passthrough: true }) response: Response): Promise<void> {
    this.write(await this.notes.write(dto), response, 'first');
  }

  @Post('in-folder')
  @Access({})
  @Replay((controller: NotesController, id) => controller.get(id), { of: 'note' })
  async createInFolder(@Body() dto: NoteDto): Promise<object> {
    await this.notes.writeFolder();
    return { note: this.notes.require(await this.notes.write(dto)) };
  }

  @Post('login')
  @Access({})
  @Replay(false)
  login(): object {
    return { token: ++this.notes.started };
  }

  private write(id: string, response: Response, time: string): void {
    response.setHeader('Content-Type', 'text/event-stream').end(`event: ${time}\ndata: ${id}\n\n`);
  }
}

let store: TestStore;
let app: HttpApp;
let db: Db;
let notes: Notes;
let tenantId: string;
let someone: Client;

beforeAll(async () => {
  store = await createTestStore();
  const providers = [
    { provide: Authenticator, useClass: TokensNameTheCaller },
    { provide: RedisConnections, useValue: null },
    Notes,
  ];
  app = await startHttp([NotesController], { providers, imports: [DatabaseModule] }, store.environment);
  db = app.nest.get(Db);
  notes = app.nest.get(Notes);
}, 60_000);

beforeEach(async () => {
  tenantId = await givenTenant(db);
  someone = caller();
  notes.started = 0;
});

afterAll(async () => {
  await app.close();
  await store.drop();
});

const caller = (tenant = tenantId, user = v7()) => new Client(app.url, `${tenant}.${user}`);
const keyed = (key: string) => ({ 'idempotency-key': key });
const ofTenant = (statement: string) =>
  runAs(Actor.job(tenantId), () => db.sql(`${statement} WHERE tenant_id = :tenantId`));
/** What is left when the process that held the key has died: the lease runs out. */
const letLeaseEnd = () => ofTenant(`UPDATE idempotency_keys SET lease_until = now() - interval '1 s'`);

describe('A POST sent again with its key', () => {
  it('is carried out once and answered alike', async () => {
    const first = await someone.post('/notes', { text: 'a' }, keyed('k')).expect(201);
    const second = await someone.post('/notes', { text: 'a' }, keyed('k')).expect(201);
    expect(second.json()).toEqual(first.json());
    expect([first, second].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true']);
    expect(notes.started).toBe(1);
  });

  it('shows the resource as it is now, and 404 when it is gone', async () => {
    const { id } = (await someone.post('/notes', { text: 'a' }, keyed('k'))).json<{ id: string }>();
    notes.stored.set(id, 'changed');
    expect((await someone.post('/notes', { text: 'a' }, keyed('k'))).json()).toEqual({ id, text: 'changed' });
    notes.stored.delete(id);
    const gone = await someone.post('/notes', { text: 'a' }, keyed('k')).expect(404);
    expect(gone.headers.get('idempotent-replayed')).toBeNull();
  });

  it('and another body is refused', async () => {
    await someone.post('/notes', { text: 'a' }, keyed('k')).expect(201);
    const answer = await someone.post('/notes', { text: 'b' }, keyed('k')).expect(422);
    expect(answer.json()).toMatchObject({ code: 'idempotency_conflict' });
    expect(notes.started).toBe(1);
  });

  it('by another caller, or to another path, is another request', async () => {
    await someone.post('/notes', { text: 'a' }, keyed('k')).expect(201);
    await caller().post('/notes', { text: 'b' }, keyed('k')).expect(201);
    await caller(await givenTenant(db))
      .post('/notes', { text: 'c' }, keyed('k'))
      .expect(201);
    await someone.post('/notes/stream', { text: 'd' }, keyed('k')).expect(200);
    expect(notes.started).toBe(4);
  });

  it('is a new one a day later', async () => {
    await someone.post('/notes', { text: 'a' }, keyed('k')).expect(201);
    await ofTenant(
      `UPDATE idempotency_keys SET created_at = now() - interval '25 h', lease_until = now() - interval '25 h'`,
    );
    await someone.post('/notes', { text: 'b' }, keyed('k')).expect(201);
    expect(notes.started).toBe(2);
  });

  it('takes the resource of its path when it named no other', async () => {
    const { id } = (await someone.post('/notes', { text: 'a' })).json<{ id: string }>();
    await someone.post(`/notes/${id}/read`, {}, keyed('k')).expect(200);
    const again = await someone.post(`/notes/${id}/read`, {}, keyed('k')).expect(200);
    expect(again.json()).toEqual({ id, text: 'a' });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  it('is answered with the resource that the route is about, when it changed others too', async () => {
    const first = await someone.post('/notes/in-folder', { text: 'a' }, keyed('k')).expect(201);
    const again = await someone.post('/notes/in-folder', { text: 'a' }, keyed('k')).expect(201);
    expect({ note: again.json() }).toEqual(first.json());
  });

  it.each(['/notes/stream', '/notes/either'])('may stream its answer again (%s)', async (path) => {
    const first = await someone.post(path, { text: 'a' }, keyed('k')).expect(200);
    // The end of a stream is seen before its key is written.
    const again = await eventually(
      async () => someone.post(path, { text: 'a' }, keyed('k')),
      ({ status }) => status !== 409,
    );
    expect(again.status).toBe(200);
    expect(again.text).toBe(first.text.replace('first', 'again'));
    expect(again.headers.get('content-type')).toContain('text/event-stream');
  });

  it('is carried out again where the route ignores keys', async () => {
    await someone.post('/notes/login', {}, keyed('k')).expect(201);
    const again = await someone.post('/notes/login', {}, keyed('k')).expect(201);
    expect(again.json()).toEqual({ token: 2 });
  });
});

describe('While the first is being carried out', () => {
  it('a second one is refused, whether or not it has changed anything yet', async () => {
    for (const fate of ['waits-before', 'waits-after']) {
      const body = { text: 'a', fate };
      const first = Promise.resolve(someone.post('/notes', body, keyed(fate)));
      await eventually(
        () => notes.started,
        (started) => started === (fate === 'waits-before' ? 1 : 2),
      );
      const second = await someone.post('/notes', body, keyed(fate)).expect(409);
      expect(second.json()).toMatchObject({ code: 'conflict' });
      notes.letGo();
      expect((await first).status).toBe(201);
    }
  });

  it('of many at once one is carried out', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => Promise.resolve(someone.post('/notes', { text: 'a' }, keyed('k')))),
    );
    const statuses = new Set(answers.map(({ status }) => status));
    expect(notes.started).toBe(1);
    for (const status of statuses) expect([201, 409]).toContain(status);
  });
});

describe('After an error', () => {
  it.each(['fails-before', 'fails-within'])('that left nothing (%s) the key is free', async (fate) => {
    await someone.post('/notes', { text: 'a', fate }, keyed('k')).expect(400);
    const answer = await someone.post('/notes', { text: 'b' }, keyed('k')).expect(201);
    expect(answer.headers.get('idempotent-replayed')).toBeNull();
  });

  it('of validation the key is free', async () => {
    await someone.post('/notes', { text: 1 }, keyed('k')).expect(422);
    await someone.post('/notes', { text: 'b' }, keyed('k')).expect(201);
  });

  it('that came when the change was made, it is answered with what was changed', async () => {
    await someone.post('/notes', { text: 'a', fate: 'fails-after' }, keyed('k')).expect(400);
    const answer = await someone.post('/notes', { text: 'a', fate: 'fails-after' }, keyed('k')).expect(201);
    expect(answer.headers.get('idempotent-replayed')).toBe('true');
    expect(notes.started).toBe(1);
  });
});

describe('When the process that held the key has died', () => {
  it('before it changed anything, the key is free and the dead change nothing any more', async () => {
    const body = { text: 'a', fate: 'waits-before' };
    const dead = Promise.resolve(someone.post('/notes', body, keyed('k')));
    await eventually(
      () => notes.started,
      (started) => started === 1,
    );
    await letLeaseEnd();
    const next = Promise.resolve(someone.post('/notes', body, keyed('k')));
    await eventually(
      () => notes.started,
      (started) => started === 2,
    );
    const before = notes.stored.size;
    notes.letGo();
    const statuses = [(await dead).status, (await next).status];
    expect(statuses).toEqual([409, 201]);
    expect(notes.stored.size).toBe(before + 1);
  });

  it('after it changed something, that is the answer', async () => {
    const body = { text: 'a', fate: 'waits-after' };
    const dead = Promise.resolve(someone.post('/notes', body, keyed('k')));
    await eventually(
      () => notes.stored.size,
      (size) => size > 0 && notes.started === 1,
    );
    await eventually(
      () => ofTenant('SELECT status FROM idempotency_keys'),
      ([row]) => (row as { status: string } | undefined)?.status === 'bound',
    );
    await letLeaseEnd();
    const answer = await someone.post('/notes', body, keyed('k')).expect(201);
    expect(answer.json()).toMatchObject({ text: 'a' });
    expect(notes.started).toBe(1);
    notes.letGo();
    await dead;
  });
});

describe('A key', () => {
  it.each(['', 'a b', 'ä', 'x'.repeat(256)])('%j is refused, after what is wrong with the path', async (key) => {
    const encoded = Buffer.from(key, 'utf8').toString('latin1');
    const answer = await someone.post('/notes', { text: 'a' }, keyed(encoded)).expect(422);
    expect(answer.json()).toMatchObject({ validationErrors: [{ field: 'Idempotency-Key' }] });
    await someone.post(`/notes/${v7()}/read`, {}, keyed(encoded)).expect(404);
    expect(notes.started).toBe(0);
  });

  it('that nobody can use any more is deleted', async () => {
    await someone.post('/notes', { text: 'a' }, keyed('old')).expect(201);
    await ofTenant(
      `UPDATE idempotency_keys SET created_at = now() - interval '25 h', lease_until = now() - interval '25 h'`,
    );
    await someone.post('/notes', { text: 'a' }, keyed('new')).expect(201);
    await runAs(Actor.system('test'), () => app.nest.get(IdempotencyRepository).deleteExpired());
    const left = await asSystem(db, 'SELECT status FROM idempotency_keys WHERE tenant_id = :tenantId', { tenantId });
    expect(left).toEqual([{ status: 'done' }]);
  });
});
