import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { newAddServer } from './add-server.ts';
import { now } from './clock.ts';
import { ANSWER, INPUT, type Way } from './tools-task.ts';

/** A tool called by the bare SDK: what Atrium's times are compared with. */
export class BareTool {
  private readonly client: Client;

  private constructor(client: Client) {
    this.client = client;
  }

  static async open(way: Way, server: string, command: { program: string; args: string[] }): Promise<BareTool> {
    const client = new Client({ name: 'bench', version: '1.0.0' });
    await client.connect(await transportTo(way, server, command));
    return new BareTool(client);
  }

  /** How long it took, in ms; so many at once. */
  async call(width = 1): Promise<number> {
    const start = now();
    await Promise.all(Array.from({ length: width }, () => this.callOnce()));
    return now() - start;
  }

  private async callOnce(): Promise<void> {
    const { content } = await this.client.callTool({ name: 'add', arguments: INPUT });
    if (!JSON.stringify(content).includes(ANSWER)) throw new Error(`The tool answered ${JSON.stringify(content)}`);
  }
}

async function transportTo(
  way: Way,
  server: string,
  { program, args }: { program: string; args: string[] },
): Promise<Transport> {
  switch (way) {
    case 'in-process': {
      const [near, far] = InMemoryTransport.createLinkedPair();
      await newAddServer().connect(far);
      return near;
    }
    case 'stdio':
      return new StdioClientTransport({ command: program, args });
    case 'http':
      return new StreamableHTTPClientTransport(new URL(server));
  }
}
