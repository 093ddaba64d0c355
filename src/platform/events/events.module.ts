import { Global, Module } from '@nestjs/common';
import { EventConsumers } from './event-consumers.js';
import { Events } from './events.js';
import { OutboxRelay } from './outbox.relay.js';

@Global()
@Module({ providers: [EventConsumers, Events, OutboxRelay], exports: [EventConsumers, Events] })
export class EventsModule {}
