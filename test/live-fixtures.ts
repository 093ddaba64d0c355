import type { AddressInfo } from 'node:net';
import {
  Controller,
  Get,
  Global,
  Headers,
  Injectable,
  Module,
  Param,
  Res,
  type MiddlewareConsumer,
  type NestMiddleware,
  type NestModule,
  type OnModuleInit,
} from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { IsInt, IsOptional, IsString } from 'class-validator';
import type { NextFunction, Request, Response } from 'express';
import { io, type Socket } from 'socket.io-client';
import { NotFound } from '../src/contracts/errors.js';
import { sessionRoom, type Envelope, type RunEnvelope, type RunEventType } from '../src/contracts/live-events.js';
import { permissionsOf, type Role } from '../src/contracts/permissions.js';
import type { TenantActor } from '../src/platform/access/actor.js';
import { Authenticator, type Authenticated } from '../src/platform/access/authenticator.js';
import { credentialOf } from '../src/platform/access/credential.js';
import { currentTenantActor, inScope, newScope } from '../src/platform/access/scope.js';
import { ConfigModule } from '../src/platform/config/config.module.js';
import { Settings } from '../src/platform/config/settings.js';
import { configureLive } from '../src/platform/live/configure-live.js';
import type { EventSource } from '../src/platform/live/event-source.js';
import { EventReaders } from '../src/platform/live/event-readers.js';
import { Live } from '../src/platform/live/live.js';
import { LiveLimits } from '../src/platform/live/live-limits.js';
import { LiveModule } from '../src/platform/live/live.module.js';
import { SocketHandlers } from '../src/platform/live/socket-handlers.js';
import { SocketsModule } from '../src/platform/live/sockets.module.js';
import { parseLastEventId } from '../src/platform/live/sse-format.js';
import { SseStreams } from '../src/platform/live/sse-streams.js';
import { RedisModule } from '../src/platform/redis/redis.module.js';

const TENANT = 't1';
export const room = sessionRoom(TENANT, 's1');

/** Knows the credentials that a test gives out, and nothing else. */
export class Doorman extends Authenticator {
  readonly known = new Map<string, Authenticated>();

  let(credential: string, who: Partial<TenantActor> & { role?: Role; expiresAt?: Date } = {}): string {
    const { expiresAt = null, ...part } = who;
    const role = part.role ?? 'member';
    const actor: TenantActor = {
      kind: 'user',
      tenantId: TENANT,
      userId: 'u1',
      role,
      permissions: permissionsOf(role),
      credentialId: credential,
      superadmin: false,
      ...part,
    };
    this.known.set(credential, { actor, plan: 'standard', expiresAt });
    return credential;
  }

  async authenticate(credential: string): Promise<Authenticated | null> {
    return this.known.get(credential) ?? null;
  }
}

/** The runs of session `s1`, stored in memory. */
export class Runs {
  readonly rows = new Map<string, RunEnvelope[]>();

  store(runId: string, type: RunEventType, data: unknown = {}): RunEnvelope {
    const rows = this.rows.get(runId) ?? [];
    const stored = { seq: rows.length + 1, type, sessionId: 's1', runId, at: '2026-01-01T00:00:00.000Z', data };
    this.rows.set(runId, [...rows, stored]);
    return stored;
  }

  source(): EventSource {
    return {
      runs: async () =>
        [...this.rows].map(([runId, rows]) => ({
          runId,
          lastSeq: rows.length,
          ended: rows.at(-1)?.type === 'run.completed',
        })),
      read: async (runId, afterSeq, limit) => (this.rows.get(runId) ?? []).slice(afterSeq, afterSeq + limit),
    };
  }
}

class JoinDto {
  @IsString()
  sessionId: string;

  @IsOptional()
  @IsString()
  runId?: string;

  @IsOptional()
  @IsInt()
  afterSeq?: number;
}

class LeaveDto {
  @IsString()
  sessionId: string;
}

@Injectable()
class TestMessages implements OnModuleInit {
  constructor(
    private readonly handlers: SocketHandlers,
    private readonly readers: EventReaders,
    private readonly runs: Runs,
  ) {}

  onModuleInit(): void {
    this.handlers.on('session.join', {
      access: { can: 'sessions:read' },
      payload: JoinDto,
      handle: async ({ sessionId, runId, afterSeq = 0 }, connection) => {
        if (sessionId !== 's1') throw new NotFound('Session');
        const source = this.runs.source();
        const replay = runId === undefined ? undefined : { runId, afterSeq };
        await connection.follow(`session:${sessionId}`, (sink) => this.readers.open({ room, source, sink, replay }));
        return { runs: await source.runs() };
      },
    });
    this.handlers.on('session.leave', {
      access: {},
      payload: LeaveDto,
      handle: async ({ sessionId }, connection) => {
        connection.unfollow(`session:${sessionId}`);
        return {};
      },
    });
    this.handlers.on('who', {
      access: {},
      payload: Nothing,
      handle: async () => ({ role: currentTenantActor().role }),
    });
    this.handlers.on('owners', { access: { can: 'tenant:update' }, payload: Nothing, handle: async () => ({}) });
    this.handlers.on('broken', {
      access: {},
      payload: Nothing,
      handle: () => Promise.reject(new Error('password=hunter2')),
    });
  }
}

class Nothing {
  @IsOptional()
  nothing?: never;
}

@Controller()
class RunEventsController {
  constructor(
    private readonly streams: SseStreams,
    private readonly runs: Runs,
  ) {}

  @Get('runs/:id/events')
  async events(
    @Param('id') runId: string,
    @Headers('last-event-id') lastId: string,
    @Res() response: Response,
  ): Promise<void> {
    const run = { runId, afterSeq: parseLastEventId(lastId) };
    await this.streams.send(response, { room, source: this.runs.source(), run });
  }
}

/** The actor of the credential in `Authorization`, as the access guard would have it. */
@Injectable()
class RequestScope implements NestMiddleware {
  constructor(private readonly doorman: Doorman) {}

  use(request: Request, _response: Response, next: NextFunction): void {
    const actor = this.doorman.known.get(credentialOf(request.headers) ?? '')?.actor ?? null;
    inScope(newScope({ actor }), next);
  }
}

@Global()
@Module({
  providers: [
    { provide: Doorman, useFactory: () => new Doorman() },
    { provide: Authenticator, useExisting: Doorman },
  ],
  exports: [Authenticator, Doorman],
})
class DoormanModule {}

@Module({
  providers: [TestMessages, { provide: Runs, useFactory: () => new Runs() }],
  controllers: [RunEventsController],
})
class RunsModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(RequestScope).forRoutes(RunEventsController);
  }
}

interface LiveAppOptions {
  limits?: Partial<LiveLimits>;
  sockets?: Partial<Settings['sockets']>;
  corsOrigins?: string[];
  redisUrl?: string | null;
  doorman?: Doorman;
  runs?: Runs;
}

/** The live platform alone in an application, with a doorman and a session in memory. */
export async function liveApp(options: LiveAppOptions = {}) {
  const { corsOrigins = [], redisUrl = null, doorman = new Doorman(), runs = new Runs() } = options;
  const settings = Object.assign(new Settings(), {
    role: 'all',
    http: { publicUrl: 'http://localhost:3000', corsOrigins },
    redis: { url: redisUrl },
    sockets: { perAddress: 100, messagesPerMinute: 1000, ...options.sockets },
  });
  const module = await Test.createTestingModule({
    imports: [ConfigModule.forRoot(settings), RedisModule, DoormanModule, LiveModule, SocketsModule, RunsModule],
  })
    .overrideProvider(Doorman)
    .useValue(doorman)
    .overrideProvider(Runs)
    .useValue(runs)
    .overrideProvider(LiveLimits)
    .useValue(Object.assign(new LiveLimits(), options.limits))
    .compile();
  const app = module.createNestApplication<NestExpressApplication>({ logger: false });
  configureLive(app, settings);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const clients: Socket[] = [];
  const live = app.get(Live);
  return {
    app,
    live,
    port,
    url: `http://127.0.0.1:${port}`,
    doorman,
    runs,
    /** Stored and shown, as the run loop does it. */
    happen(runId: string, type: RunEventType, data?: unknown): RunEnvelope {
      const envelope = runs.store(runId, type, data);
      live.emit(room, [envelope]);
      return envelope;
    },
    /** A client that has not connected yet. */
    client(token: unknown, options: object = {}): Socket {
      const socket = io(`http://127.0.0.1:${port}`, {
        auth: { token },
        transports: ['websocket'],
        forceNew: true,
        autoConnect: false,
        reconnection: false,
        ...options,
      });
      clients.push(socket);
      return socket;
    },
    async close(): Promise<void> {
      for (const socket of clients) socket.disconnect();
      app.getHttpServer().closeAllConnections();
      await app.close();
    },
  };
}

export type LiveApp = Awaited<ReturnType<typeof liveApp>>;

/** Connects; throws the `connect_error` of a refusal. */
export async function connected(socket: Socket): Promise<Socket> {
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
    socket.connect();
  });
  return socket;
}

/** Collects the events that come from now on. */
export function eventsOf(socket: Socket): Envelope[] {
  const events: Envelope[] = [];
  socket.on('event', (envelope: Envelope) => events.push(envelope));
  return events;
}

export function disconnected(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once('disconnect', (reason) => resolve(reason)));
}
