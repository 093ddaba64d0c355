import { AsyncLocalStorage } from 'node:async_hooks';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Envelope, LiveSignals, Room } from '../../contracts/live-events.js';
import { RedisConnections } from '../redis/redis-connections.js';
import { envelopeJson } from './once-per-envelope.js';
import { RedisWire } from './redis-wire.js';

type SignalName = keyof LiveSignals;
type SignalHandler<N extends SignalName> = (payload: LiveSignals[N]) => void | Promise<void>;

interface Listener {
  events(envelopes: readonly Envelope[]): void;
  gap(): void;
}

const ROOM_CHANNEL = 'atrium:live:';
const SIGNAL_CHANNEL = 'atrium:signal';
const HEAR_OTHERS_AFTER_MS = 1_000;
/** In a room's channel, so that it comes before what is published there afterwards. */
const RECHECK = 'recheck';

/** The one way by which live events leave. They are hints, shown only of what is stored: any of them may be lost. */
@Injectable()
export class Live {
  private readonly rooms = new Map<Room, Set<Listener>>();
  /** Rooms in which other processes are not heard yet. */
  private readonly unheard = new Map<Room, NodeJS.Timeout>();
  private readonly handlers = new Map<string, Set<SignalHandler<SignalName>>>();
  private readonly wire: RedisWire | null;
  private readonly logger = new Logger('Live');
  /** Listeners belong to no request, and must not join the transaction of whoever emits. */
  private readonly detached = AsyncLocalStorage.snapshot();

  constructor(@Inject(RedisConnections) redis: RedisConnections | null) {
    this.wire = redis && new RedisWire(redis, { message: this.onMessage.bind(this), gap: this.onGap.bind(this) });
    this.wire?.subscribe(SIGNAL_CHANNEL);
  }

  /** To the room's readers in all processes. The envelopes must not be changed afterwards. Never throws or waits. */
  emit(room: Room, envelopes: readonly Envelope[]): void {
    if (envelopes.length === 0) return;
    this.deliver(room, envelopes);
    if (!this.wire) return;
    try {
      this.wire.publish(ROOM_CHANNEL + room, `[${envelopes.map(envelopeJson).join(',')}]`);
    } catch (error) {
      this.logger.error({ err: error }, 'Live events could not be published');
    }
  }

  /** The room's readers in all processes ask the rows who may still see what, before they show anything further. */
  recheck(room: Room): void {
    this.gapIn(room);
    this.wire?.publish(ROOM_CHANNEL + room, RECHECK);
  }

  /**
   * Returns what ends the subscription. `onGap` is called when events may have been missed or access may have changed,
   * also once after the first subscription of a room took effect: read rows then. `isFedHere`: this process is the one
   * that has something to say, so that the others need not be heard at once, and often it is over before that.
   */
  subscribe(
    room: Room,
    onEvents: (envelopes: readonly Envelope[]) => void,
    onGap: () => void,
    isFedHere = false,
  ): () => void {
    const listener: Listener = { events: onEvents, gap: onGap };
    let listeners = this.rooms.get(room);
    if (!listeners) {
      listeners = new Set();
      this.rooms.set(room, listeners);
      if (this.wire) this.unheard.set(room, setTimeout(() => this.hearOthers(room), HEAR_OTHERS_AFTER_MS).unref());
    }
    listeners.add(listener);
    if (!isFedHere) this.hearOthers(room);
    return () => this.unsubscribe(room, listener);
  }

  /** To all processes, this one included. */
  signal<N extends SignalName>(name: N, payload: LiveSignals[N]): void {
    this.hear(name, payload);
    this.wire?.publish(SIGNAL_CHANNEL, JSON.stringify({ name, payload }));
  }

  /** Returns what ends the registration. The handler runs outside of any scope. */
  onSignal<N extends SignalName>(name: N, handler: SignalHandler<N>): () => void {
    const handlers = this.handlers.get(name) ?? new Set();
    this.handlers.set(name, handlers);
    const registered = handler as SignalHandler<SignalName>;
    handlers.add(registered);
    return () => handlers.delete(registered);
  }

  private hearOthers(room: Room): void {
    if (this.stopWaiting(room)) this.wire?.subscribe(ROOM_CHANNEL + room);
  }

  /** True when the others are not heard in this room yet. */
  private stopWaiting(room: Room): boolean {
    clearTimeout(this.unheard.get(room));
    return this.unheard.delete(room);
  }

  private unsubscribe(room: Room, listener: Listener): void {
    const listeners = this.rooms.get(room);
    if (!listeners?.delete(listener) || listeners.size > 0) return;
    this.rooms.delete(room);
    if (!this.stopWaiting(room)) this.wire?.unsubscribe(ROOM_CHANNEL + room);
  }

  private onMessage(channel: string, text: string): void {
    try {
      if (channel === SIGNAL_CHANNEL) {
        const { name, payload } = JSON.parse(text) as { name: SignalName; payload: LiveSignals[SignalName] };
        this.hear(name, payload);
      } else if (text === RECHECK) {
        this.gapIn(channel.slice(ROOM_CHANNEL.length) as Room);
      } else {
        this.deliver(channel.slice(ROOM_CHANNEL.length) as Room, JSON.parse(text) as Envelope[]);
      }
    } catch (error) {
      this.logger.error({ err: error }, 'A message from another process could not be read');
    }
  }

  private onGap(channels: string[]): void {
    for (const channel of channels) this.gapIn(channel.slice(ROOM_CHANNEL.length) as Room);
  }

  private gapIn(room: Room): void {
    for (const listener of this.rooms.get(room) ?? []) this.guard(() => listener.gap());
  }

  private deliver(room: Room, envelopes: readonly Envelope[]): void {
    for (const listener of this.rooms.get(room) ?? []) this.guard(() => listener.events(envelopes));
  }

  private hear<N extends SignalName>(name: N, payload: LiveSignals[N]): void {
    for (const handler of this.handlers.get(name) ?? []) this.guard(() => handler(payload));
  }

  /** One listener's fault is neither the emitter's nor the next listener's. */
  private guard(call: () => void | Promise<void>): void {
    const failed = (error: unknown) => this.logger.error({ err: error }, 'A live listener failed');
    try {
      const result: unknown = this.detached(call);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
