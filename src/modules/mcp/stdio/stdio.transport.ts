import type { Writable } from 'node:stream';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { JSONRPCMessageSchema, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { AskedTooMuch, Flooded, InvalidAnswer, ServerDied, ServerNotStarted } from '../mcp-errors.js';
import { MESSAGE_BYTES, RateBudget } from '../client/answer-budget.js';
import { AnswersUnderWay } from '../client/answers-under-way.js';
import { watchMemory } from './memory-watch.js';
import { killGroup, startGroup, type ServerProcess } from './process-group.js';

const FAREWELL_MS = 2_000;
const STDERR_CHARS = 1_000;
const NEWLINE = 0x0a;

interface StdioLaunch {
  serverName: string;
  program: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  memoryMb: number;
}

/**
 * The SDK's own has a shell's heritage: it hands on parts of our environment, ends one process instead of its group, and
 * goes on after what is no JSON-RPC. This one ends the server as soon as it does not keep to the rules.
 */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  protocolVersion: string | undefined;
  /** Why it ended, where that was not our wish. */
  fault: Error | null = null;
  /** The last of what it said on stderr. */
  complaint = '';
  private child: ServerProcess | undefined;
  private chunks: Buffer[] = [];
  private bytes = 0;
  private hasSpoken = false;
  private closing = false;
  private readonly rate = new RateBudget();
  private readonly answers: AnswersUnderWay;
  /** Until it reads on; one wait for all who have something to say. */
  private draining: Promise<void> | null = null;
  private stopWatching: () => void = () => undefined;

  constructor(private readonly launch: StdioLaunch) {
    this.answers = new AnswersUnderWay(launch.serverName);
  }

  async start(): Promise<void> {
    const child = startGroup(this.launch);
    this.child = child;
    child.stdout.on('data', (chunk: Buffer) => this.read(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      this.complaint = (this.complaint + chunk.toString('utf8')).slice(-STDERR_CHARS);
    });
    // A pipe that breaks is told by the end of the process.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined);
    child.once('close', () => this.ended());
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => {
        this.fault ??= new ServerNotStarted(this.launch.serverName, error);
        reject(this.fault);
      });
    });
    const { memoryMb, serverName } = this.launch;
    if (child.pid === undefined) return;
    this.stopWatching = watchMemory(child.pid, memoryMb * 1024 * 1024, () =>
      this.fail(new ServerDied(serverName, `took more than ${memoryMb} MB of memory and was ended`)),
    );
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.fault) throw this.fault;
    if ('method' in message) {
      await this.write(message);
      return;
    }
    try {
      await this.answers.send(() => this.write(message));
    } catch (error) {
      if (error instanceof AskedTooMuch) this.fail(error);
      throw error;
    }
  }

  setProtocolVersion(version: string): void {
    this.protocolVersion = version;
  }

  /** Asked to end, then made to, with all that it has started. */
  async close(): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    const child = this.child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      this.ended();
      return;
    }
    const { pid } = child;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.end();
    killGroup(pid, 'SIGTERM');
    const late = setTimeout(() => killGroup(pid), FAREWELL_MS);
    await exited;
    clearTimeout(late);
    this.ended();
  }

  private async write(message: JSONRPCMessage): Promise<void> {
    const stdin = this.child?.stdin;
    if (!stdin?.writable) throw this.fault ?? new ServerDied(this.launch.serverName, 'has ended', false);
    // One that takes nothing is ended by the time-out of whoever waits for it, or for asking on and on.
    if (!stdin.write(`${JSON.stringify(message)}\n`)) await (this.draining ??= this.drained(stdin));
  }

  private drained(stdin: Writable): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        stdin.off('drain', done).off('close', done);
        this.draining = null;
        resolve();
      };
      stdin.on('drain', done).on('close', done);
    });
  }

  private get isOver(): boolean {
    return this.fault !== null;
  }

  private fail(fault: Error): void {
    if (this.fault || this.closing) return;
    this.fault = fault;
    this.chunks = [];
    if (this.child?.pid !== undefined) killGroup(this.child.pid);
    this.onerror?.(fault);
    this.ended();
  }

  private ended(): void {
    this.stopWatching();
    const tell = this.onclose;
    this.onclose = undefined;
    if (!this.closing) this.fault ??= new ServerDied(this.launch.serverName, 'ended in the middle of it');
    tell?.();
  }

  private read(chunk: Buffer): void {
    if (this.fault) return;
    if (!this.rate.take(chunk.length)) {
      this.fail(new Flooded(this.launch.serverName));
      return;
    }
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1 && !this.isOver; end = chunk.indexOf(NEWLINE, from)) {
      this.keep(chunk.subarray(from, end));
      from = end + 1;
      const line = Buffer.concat(this.chunks).toString('utf8').trim();
      this.chunks = [];
      this.bytes = 0;
      if (line !== '') this.take(line);
    }
    this.keep(chunk.subarray(from));
  }

  private keep(part: Buffer): void {
    this.bytes += part.length;
    if (this.bytes > MESSAGE_BYTES) {
      this.fail(new Flooded(this.launch.serverName));
      return;
    }
    if (part.length > 0) this.chunks.push(part);
  }

  private take(line: string): void {
    // Some greet before they speak the protocol.
    if (!this.hasSpoken && !line.startsWith('{')) return;
    this.hasSpoken = true;
    let message: JSONRPCMessage;
    try {
      message = JSONRPCMessageSchema.parse(JSON.parse(line));
    } catch {
      this.fail(new InvalidAnswer(this.launch.serverName));
      return;
    }
    this.onmessage?.(message);
  }
}
