import { Injectable } from '@nestjs/common';
import { sessionRoom } from '../../contracts/live-events.js';
import { Live } from '../../platform/live/live.js';
import { shownSession } from './session-view.js';
import type { SessionEntity } from './session.entity.js';

/** Tells who looks at a session what has become of it; never replayed. */
@Injectable()
export class SessionNews {
  constructor(private readonly live: Live) {}

  /** Who no longer sees it is shown nothing further, wherever they read; those who still do notice nothing. */
  hidden(tenantId: string, sessionId: string): void {
    this.live.recheck(sessionRoom(tenantId, sessionId));
  }

  changed(session: SessionEntity): void {
    const { tenantId, id: sessionId } = session;
    const data = { session: shownSession(session) };
    this.live.emit(sessionRoom(tenantId, sessionId), [
      { type: 'session.updated', sessionId, at: new Date().toISOString(), data },
    ]);
  }
}
