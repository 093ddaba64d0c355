import { Injectable, type OnModuleInit } from '@nestjs/common';
import { EventConsumers } from '../../platform/events/event-consumers.js';
import { Live } from '../../platform/live/live.js';

const CONSUMER = 'live-access';

/** Closes the sockets of those who may do less, or nothing, from now on. What they ask next is refused anyway. */
@Injectable()
export class LiveAccess implements OnModuleInit {
  constructor(
    private readonly consumers: EventConsumers,
    private readonly live: Live,
  ) {}

  onModuleInit(): void {
    this.consumers.on(CONSUMER, ['auth.loggedOut', 'auth.refreshReused'], async ({ tenantId, payload }) =>
      this.live.signal('access.revoked', { tenantId, credentialId: payload.tokenSessionId }),
    );
    this.consumers.on(CONSUMER, ['apiKey.revoked'], async ({ tenantId, resourceId }) =>
      this.live.signal('access.revoked', { tenantId, credentialId: resourceId ?? undefined }),
    );
    this.consumers.on(CONSUMER, ['member.updated', 'member.removed'], async ({ tenantId, payload }) =>
      this.live.signal('access.revoked', { tenantId, userId: payload.userId }),
    );
    this.consumers.on(CONSUMER, ['tenant.suspended', 'tenant.deleted'], async ({ tenantId }) =>
      this.live.signal('access.revoked', { tenantId }),
    );
  }
}
