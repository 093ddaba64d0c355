import { Injectable, type OnModuleInit } from '@nestjs/common';
import { IsUUID } from 'class-validator';
import { collectionRoom } from '../../../contracts/live-events.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { EventReaders } from '../../../platform/live/event-readers.js';
import type { EventSource } from '../../../platform/live/event-source.js';
import { SocketHandlers, type MessageConnection } from '../../../platform/live/socket-handlers.js';
import { CollectionsService } from '../collections/collections.service.js';

class CollectionRoomDto {
  @IsUUID('all')
  collectionId: string;
}

/** What a client can say about collections over its socket. */
@Injectable()
export class KnowledgeSockets implements OnModuleInit {
  constructor(
    private readonly handlers: SocketHandlers,
    private readonly readers: EventReaders,
    private readonly collections: CollectionsService,
  ) {}

  onModuleInit(): void {
    this.handlers.on('collection.join', {
      access: { can: 'rag:read' },
      payload: CollectionRoomDto,
      handle: ({ collectionId }, connection) => this.join(collectionId.toLowerCase(), connection),
    });
    this.handlers.on('collection.leave', {
      access: { can: 'rag:read' },
      payload: CollectionRoomDto,
      handle: ({ collectionId }, connection) => {
        connection.unfollow(roomKey(collectionId.toLowerCase()));
        return Promise.resolve({});
      },
    });
  }

  private async join(collectionId: string, connection: MessageConnection): Promise<object> {
    await this.collections.require(collectionId);
    await connection.follow(roomKey(collectionId), (sink) =>
      this.readers.open({
        room: collectionRoom(currentTenantActor().tenantId, collectionId),
        source: this.source(collectionId),
        sink,
      }),
    );
    return {};
  }

  /** Nothing of a collection is replayed; each look asks whether the reader may still see it. */
  private source(collectionId: string): EventSource {
    return {
      runs: async () => {
        await this.collections.require(collectionId);
        return [];
      },
      read: () => Promise.resolve([]),
    };
  }
}

function roomKey(collectionId: string): string {
  return `collection:${collectionId}`;
}
