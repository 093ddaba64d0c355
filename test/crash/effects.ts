import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from './random.js';

interface Effect {
  /** The tool: `make` has effects, `look` has none. */
  name: 'make' | 'look';
  /** The `toolUseId` of the call, which the model repeats in the call's input. */
  call: string;
  /** Which process made the call. */
  process: string;
  /** Milliseconds since 1970. */
  at: number;
}

const LONGEST_MS = 600;

/** The world outside that the tools act upon; it outlives all crashes, so that nothing done in it goes uncounted. */
export class Effects {
  calls = 0;
  private readonly effects = new Map<string, Effect[]>();
  private readonly server = createServer((request, response) => {
    this.take(request).then(
      (said) => response.end(said),
      () => response.destroy(),
    );
  });

  constructor(private readonly random: Random) {}

  async start(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  of(call: string): readonly Effect[] {
    return this.effects.get(call) ?? [];
  }

  /** Done as soon as it is asked for; the answer takes a while, in which whoever asked may die. */
  private async take(request: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const asked = JSON.parse(Buffer.concat(chunks).toString()) as Omit<Effect, 'at'>;
    this.calls++;
    this.effects.set(asked.call, [...this.of(asked.call), { ...asked, at: Date.now() }]);
    await sleep(this.random.between(0, LONGEST_MS));
    return `${asked.name} ${asked.call}`;
  }
}
