import { ToolRegistry } from '../src/modules/tools/tool-registry.service.js';
import type { ToolDefinition, ToolResult, ToolServer } from '../src/modules/tools/tool.js';
import type { TestApp } from './app.js';

const definition = (name: string, idempotent: boolean): ToolDefinition => ({
  name: `probe:${name}`,
  description: name,
  inputSchema: { type: 'object' },
  idempotent,
  source: 'builtin',
});

/** Tools that do what a test needs of a tool, and count. Their agents need a policy that allows `probe:*`. */
export class ProbeTools implements ToolServer {
  readonly name = 'probe';
  private readonly calls: { tool: string; words: unknown }[] = [];
  private readonly present = new Map<string, PromiseWithResolvers<string>>();

  constructor(app: TestApp) {
    app.nest.get(ToolRegistry, { strict: false }).register(this);
  }

  tools(): readonly ToolDefinition[] {
    return [
      definition('meet', true),
      definition('wait', true),
      definition('effect', false),
      definition('deaf', true),
      definition('huge', true),
      definition('throw', true),
      definition('say', true),
    ];
  }

  /** How often a tool was called, with these words if any are given. */
  count(tool: string, words?: string): number {
    return this.calls.filter((call) => call.tool === tool && (words === undefined || call.words === words)).length;
  }

  async call(tool: string, input: Record<string, unknown>, signal: AbortSignal): Promise<ToolResult> {
    this.calls.push({ tool, words: input['words'] });
    switch (tool) {
      case 'meet':
        return { isError: false, output: await this.meet(String(input['me']), String(input['other'])) };
      case 'wait':
      case 'effect':
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('told to stop')), { once: true });
        });
      case 'deaf':
        return new Promise(() => undefined);
      case 'huge':
        return { isError: false, output: '😀'.repeat(Number(input['characters'])) };
      case 'throw':
        throw new Error('no luck\u0000 today');
      default:
        return { isError: false, output: String(input['words']) };
    }
  }

  /** Returns when the other one is there too. */
  private async meet(me: string, other: string): Promise<string> {
    const mine = this.arrival(me);
    mine.resolve(me);
    return this.arrival(other).promise;
  }

  private arrival(name: string): PromiseWithResolvers<string> {
    const arrival = this.present.get(name) ?? Promise.withResolvers<string>();
    this.present.set(name, arrival);
    return arrival;
  }
}

export const PROBES = { tools: ['probe:*'], permissionPolicy: { default: 'allow' } } as const;
