import { percentile } from './figures.ts';
import type { Atrium } from './atrium.ts';
import type { Helper } from './helper.ts';
import { cpuMs } from './process-stats.ts';
import type { ToolsOptions } from './tools-options.ts';
import { INPUT, type PairTimes, type RateResult, type RunTimes, type Way } from './tools-task.ts';

/** The tool of one way to it, as one Atrium knows it. */
export interface MeasuredTool {
  atrium: Atrium;
  way: Way;
  /** Of `POST /mcp/execute`. */
  serverId: string;
  /** `server:tool`. */
  name: string;
  /** Has the tool. */
  agentId: string;
}

/** The same by the bare client and by Atrium. */
export interface Latency extends PairTimes {
  what: string;
  /** The call through the executor and nothing but what belongs to it. */
  hasGoal: boolean;
}

export interface Rate {
  what: string;
  /** Calls a second. */
  bare: number;
  atrium: number;
  /** Processor time of Atrium's process for one call, in ms. */
  cpu: number;
}

/** At once, where it is about how many there can be. */
const WIDTH = 16;
const TURNS = 20;

export class ToolMeasurement {
  private readonly caller: Helper;
  private readonly options: ToolsOptions;
  private readonly tool: MeasuredTool;

  constructor(caller: Helper, options: ToolsOptions, tool: MeasuredTool) {
    this.caller = caller;
    this.options = options;
    this.tool = tool;
  }

  /** What is not warm is no measure of a server that has been up for a while. */
  async warmUp(): Promise<void> {
    for (const by of ['bare', 'execute'] as const) await this.rate(by, 1_500);
    await this.runs({ count: WIDTH, turns: TURNS });
    await this.runs({ count: 2, turns: 5, width: WIDTH });
  }

  /** One call at a time. */
  async latencies(): Promise<Latency[]> {
    const { isQuick } = this.options;
    const { way } = this.tool;
    const inRuns: PairTimes & { steps: number[] } = { bare: [], atrium: [], steps: [] };
    for (let n = 0, count = isQuick ? 5 : 20; n < count; n++) {
      const { bare, atrium, steps } = await this.runs({ count: 1, turns: TURNS, isPaired: true });
      inRuns.bare.push(...bare);
      inRuns.atrium.push(...atrium);
      inRuns.steps.push(...steps);
    }
    const wide: PairTimes = { bare: [], atrium: [] };
    for (let n = 0, count = isQuick ? 1 : 5; n < count; n++) {
      const { bare, atrium } = await this.runs({ count: 1, turns: TURNS, width: WIDTH, isPaired: true });
      wide.bare.push(...bare);
      wide.atrium.push(...atrium);
    }
    const { url, token } = this.tool.atrium;
    const calls = isQuick ? 100 : 500;
    const direct = await this.caller.ask<PairTimes>({ kind: 'pairs', way, url, token, body: this.body, calls });
    return [
      { what: 'in a run', ...inRuns, hasGoal: true },
      { what: 'POST /mcp/execute', ...direct, hasGoal: true },
      { what: 'whole step of a run', bare: inRuns.bare, atrium: inRuns.steps, hasGoal: false },
      { what: `${WIDTH} calls of one turn`, ...wide, hasGoal: false },
    ];
  }

  /** As many at once, in rounds of the one and the other. */
  async rates(): Promise<Rate[]> {
    const { isQuick } = this.options;
    const bare: number[] = [];
    const direct = new Tally(this.tool.atrium);
    const inRuns = new Tally(this.tool.atrium);
    for (let round = 0, rounds = isQuick ? 1 : 4; round < rounds; round++) {
      const { calls, elapsed } = await this.rate('bare', isQuick ? 1_000 : 2_000);
      bare.push((calls * 1000) / elapsed);
      await direct.add(() => this.rate('execute', isQuick ? 1_000 : 2_000));
      await inRuns.add(async () => {
        const { atrium, elapsed: took } = await this.runs({ count: WIDTH, turns: TURNS });
        return { calls: atrium.length, elapsed: took };
      });
    }
    const ofBare = percentile(bare, 0.5);
    return [
      { what: `${WIDTH} runs at once`, bare: ofBare, ...inRuns.result },
      { what: `POST /mcp/execute, ${WIDTH} at once`, bare: ofBare, ...direct.result },
    ];
  }

  private get body(): object {
    return { serverId: this.tool.serverId, tool: 'add', arguments: INPUT };
  }

  private rate(by: 'bare' | 'execute', ms: number): Promise<RateResult> {
    const { way, atrium } = this.tool;
    const { url, token } = atrium;
    return this.caller.ask({ kind: 'rate', way, by, url, token, body: this.body, width: WIDTH, ms });
  }

  private async runs({ count, turns, width = 1, isPaired = false }: RunsWanted): Promise<RunTimes> {
    const { way, atrium, name, agentId } = this.tool;
    const { url, token } = atrium;
    const sessions = await atrium.sessions(count, agentId);
    const tool = name.replace(':', '__');
    return this.caller.ask({ kind: 'runs', way, url, token, tool, sessions, turns, width, isPaired });
  }
}

interface RunsWanted {
  count: number;
  turns: number;
  width?: number;
  isPaired?: boolean;
}

class Tally {
  private readonly atrium: Atrium;
  private readonly perSecond: number[] = [];
  private calls = 0;
  private cpu = 0;

  constructor(atrium: Atrium) {
    this.atrium = atrium;
  }

  async add(measure: () => Promise<RateResult>): Promise<void> {
    const before = cpuMs(this.atrium.pid);
    const { calls, elapsed } = await measure();
    this.cpu += cpuMs(this.atrium.pid) - before;
    this.calls += calls;
    this.perSecond.push((calls * 1000) / elapsed);
  }

  /** Of the median round. */
  get result(): { atrium: number; cpu: number } {
    return { atrium: percentile(this.perSecond, 0.5), cpu: this.cpu / this.calls };
  }
}
