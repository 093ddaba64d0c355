import { Global, Module } from '@nestjs/common';
import { EventReaders } from './event-readers.js';
import { Live } from './live.js';
import { LiveLimits } from './live-limits.js';
import { SocketHandlers } from './socket-handlers.js';
import { SseStreams } from './sse-streams.js';

/** For every process; those that serve clients have `SocketsModule` too. */
@Global()
@Module({
  providers: [{ provide: LiveLimits, useValue: new LiveLimits() }, Live, EventReaders, SseStreams, SocketHandlers],
  exports: [LiveLimits, Live, EventReaders, SseStreams, SocketHandlers],
})
export class LiveModule {}
