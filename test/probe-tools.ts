import { ToolRegistry } from '../src/modules/tools/tool-registry.service.js';
import { textResult, type BuiltinTool, type ToolResult, type ToolServer } from '../src/modules/tools/tool.js';
import type { TestApp } from './app.js';

const NAMES = ['meet', 'wait', 'effect', 'deaf', 'huge', 'throw', 'say'];

/** Tools that do what a test needs of a tool, and count. Their agents need a policy that allows `probe:*`. */
export class ProbeTools implements ToolServer {
  readonly name = 'probe';
  private readonly calls: { tool: string; words: unknown }[] = [];
  private readonly present = new Map<string, PromiseWithResolvers<string>>();

  constructor(app: TestApp) {
    app.nest.get(ToolRegistry, { strict: false }).register(this);
  }

  get tools(): readonly BuiltinTool[] {
    return NAMES.map((name) => ({
      name,
      description: name,
      inputSchema: { type: 'object' },
      idempotent: name !== 'effect',
      call: (input, { signal }) => this.call(name, input, signal),
    }));
  }

  /** How often a tool was called, with these words if any are given. */
  count(tool: string, words?: string): number {
    return this.calls.filter((call) => call.tool === tool && (words === undefined || call.words === words)).length;
  }

  async call(tool: string, input: Record<string, unknown>, signal: AbortSignal): Promise<ToolResult> {
    this.calls.push({ tool, words: input['words'] });
    switch (tool) {
      case 'meet':
        return textResult(await this.meet(String(input['me']), String(input['other'])));
      case 'wait':
      case 'effect':
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('told to stop')), { once: true });
        });
      case 'deaf':
        return new Promise(() => undefined);
      case 'huge':
        return textResult('😀'.repeat(Number(input['characters'])));
      case 'throw':
        throw new Error('no luck\u0000 today');
      default:
        return textResult(String(input['words']));
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
