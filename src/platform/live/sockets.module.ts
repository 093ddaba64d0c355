import { Module } from '@nestjs/common';
import { LiveGateway } from './live.gateway.js';
import { SocketDoor } from './socket-door.js';
import { SocketMessages } from './socket-messages.js';

/** The Socket.IO server, for processes that serve clients. `RedisIoAdapter` has to be set before the application starts. */
@Module({ providers: [LiveGateway, SocketDoor, SocketMessages] })
export class SocketsModule {}
