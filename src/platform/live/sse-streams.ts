import type { ServerResponse } from 'node:http';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { LiveSignals } from '../../contracts/live-events.js';
import type { TenantActor } from '../access/actor.js';
import { Authenticator } from '../access/authenticator.js';
import { credentialOf } from '../access/credential.js';
import { currentTenantActor } from '../access/scope.js';
import { AccessWatch } from './access-watch.js';
import type { EventReader, Following } from './event-reader.js';
import { EventReaders } from './event-readers.js';
import { Live } from './live.js';
import { LiveLimits } from './live-limits.js';
import { concerns } from './revocation.js';
import { SseSink } from './sse-sink.js';

/** Runs as streams of server-sent events. */
@Injectable()
export class SseStreams implements OnModuleInit {
  private readonly open = new Map<EventReader, TenantActor>();

  constructor(
    private readonly readers: EventReaders,
    private readonly live: Live,
    private readonly limits: LiveLimits,
    private readonly authenticator: Authenticator,
  ) {}

  onModuleInit(): void {
    this.live.onSignal('access.revoked', (revoked) => this.onRevoked(revoked));
  }

  /**
   * Answers with the events of a run; resolves when the stream has ended, because the run did, the client left, its access
   * was revoked or the server shuts down (the client comes back with `Last-Event-ID`). The caller has checked access and
   * leaves the response alone afterwards; what the source throws before the first byte can be answered as JSON.
   */
  async send(
    response: ServerResponse,
    following: Omit<Following, 'sink' | 'replay'> & Required<Pick<Following, 'run'>>,
  ): Promise<void> {
    const sink = new SseSink(response);
    const reader = await this.readers.open({ ...following, sink });
    this.open.set(reader, currentTenantActor());
    const access = this.watchAccess(response, reader);
    sink.start(this.limits.pingMs);
    reader.begin();
    const end = await reader.ended;
    access?.stop();
    this.open.delete(reader);
    // Nobody watches over what still waits in a stream that was broken off.
    if (end === 'stopped' && sink.bufferedBytes() > 0) sink.close();
    else sink.end();
  }

  /** That an access token expires meanwhile does not end a stream that it was good enough to open. */
  private watchAccess({ req }: ServerResponse, reader: EventReader): AccessWatch | null {
    const credential = credentialOf(req.headers);
    if (credential === null) return null;
    const { role } = currentTenantActor();
    return new AccessWatch({
      stillCounts: async () => {
        const known = await this.authenticator.authenticate(credential, { evenExpired: true });
        return known?.actor.role === role;
      },
      recheckMs: this.limits.accessRecheckMs,
      onEnded: () => reader.stop(),
    });
  }

  private onRevoked(revoked: LiveSignals['access.revoked']): void {
    for (const [reader, actor] of this.open) if (concerns(revoked, actor)) reader.stop();
  }
}
