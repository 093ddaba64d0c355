import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import type { RedisConnections } from '../redis/redis-connections.js';

/** More publications than this without an answer, and further ones are dropped instead of piling up. */
const MAX_IN_FLIGHT = 10_000;
const CHANNELS_PER_COMMAND = 500;

export interface WireListener {
  message(channel: string, text: string): void;
  /** Messages on these channels may have been missed up to now. */
  gap(channels: string[]): void;
}

/** Texts between the processes over Redis pub/sub. What can't be sent now is dropped; own messages don't come back. */
export class RedisWire {
  /** Of fixed length, in front of each text, so that own messages are known without parsing. */
  private readonly sender = randomUUID();
  private readonly channels = new Set<string>();
  private readonly logger = new Logger('Live');
  private readonly publisher: Redis;
  private readonly subscriber: Redis;
  private inFlight = 0;

  constructor(
    connections: RedisConnections,
    private readonly listener: WireListener,
  ) {
    this.publisher = connections.producer;
    this.subscriber = connections.connect('subscriber');
    this.subscriber.on('message', (channel: string, text: string) => this.onMessage(channel, text));
    this.subscriber.on('ready', () => this.renew());
  }

  publish(channel: string, text: string): void {
    if (this.publisher.status !== 'ready' || this.inFlight >= MAX_IN_FLIGHT) return;
    this.inFlight++;
    const done = () => this.inFlight--;
    this.publisher.publish(channel, this.sender + text).then(done, done);
  }

  /** Ends with a gap on that channel: what was published before Redis knew of us is lost. */
  subscribe(channel: string): void {
    this.channels.add(channel);
    this.ask([channel]);
  }

  unsubscribe(channel: string): void {
    this.channels.delete(channel);
    // Nobody waits for it, and a closed connection has no subscriptions.
    this.subscriber.unsubscribe(channel).catch(() => undefined);
  }

  private onMessage(channel: string, text: string): void {
    if (text.startsWith(this.sender)) return;
    this.listener.message(channel, text.slice(this.sender.length));
  }

  private renew(): void {
    const channels = [...this.channels];
    for (let start = 0; start < channels.length; start += CHANNELS_PER_COMMAND) {
      this.ask(channels.slice(start, start + CHANNELS_PER_COMMAND));
    }
  }

  private ask(channels: string[]): void {
    this.subscriber.subscribe(...channels).then(
      () => this.listener.gap(channels.filter((channel) => this.channels.has(channel))),
      // Readers ask the rows every few seconds anyway, and every reconnect subscribes again.
      (error: unknown) => this.logger.warn({ err: error }, 'Live events of other processes are not heard'),
    );
  }
}
