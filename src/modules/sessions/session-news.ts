import { Injectable } from '@nestjs/common';
import { sessionRoom, type Envelope, type RunEnvelope } from '../../contracts/live-events.js';
import { Live } from '../../platform/live/live.js';
import type { Run } from './runs/run.js';
import { shownSession } from './session-view.js';
import type { SessionEntity } from './session.entity.js';

/** Tells who looks at a session, in whichever process, what happens in it and what becomes of it. */
@Injectable()
export class SessionNews {
  constructor(private readonly live: Live) {}

  /** Who no longer sees it is shown nothing further, wherever they read; those who still do notice nothing. */
  hidden({ tenantId, id }: Pick<SessionEntity, 'tenantId' | 'id'>): void {
    this.live.recheck(sessionRoom(tenantId, id));
  }

  /** Events of one of its runs, as they are stored; `at` in ISO 8601. `session`: what has become of it with them. */
  happened(
    { tenantId, sessionId, id: runId }: Pick<Run, 'tenantId' | 'sessionId' | 'id'>,
    at: string,
    events: readonly Pick<RunEnvelope, 'seq' | 'type' | 'data'>[],
    session?: SessionEntity,
  ): void {
    const envelopes = events.map(({ seq, type, data }) => ({ seq, type, sessionId, runId, at, data }));
    this.live.emit(sessionRoom(tenantId, sessionId), session ? [...envelopes, updated(session)] : envelopes);
  }

  /** Never replayed. */
  changed(session: SessionEntity): void {
    this.live.emit(sessionRoom(session.tenantId, session.id), [updated(session)]);
  }
}

function updated(session: SessionEntity): Envelope {
  const data = { session: shownSession(session) };
  return { type: 'session.updated', sessionId: session.id, at: new Date().toISOString(), data };
}
