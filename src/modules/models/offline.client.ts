import { randomUUID } from 'node:crypto';
import { setImmediate as eventLoop } from 'node:timers/promises';
import type { PdfReader } from '../../platform/documents/pdf-reader.js';
import type {
  AssistantBlock,
  ClientEvent,
  ModelClient,
  ModelMessage,
  ModelRequest,
  ModelUsage,
  StopReason,
} from './model-client.js';
import { nextStep } from './offline-answer.js';
import { readConversation } from './offline-conversation.js';
import { OfflineFiles } from './offline-files.js';
import { instanceOf } from './offline-instance.js';
import type { SaidText } from './offline-passages.js';
import { summaryOf } from './offline-summary.js';
import { estimateTokens } from './token-estimate.js';

const WORDS_PER_DELTA = 3;

/** A model of rules: needs no key and no network, and answers the same to the same. */
export class OfflineClient implements ModelClient {
  readonly provider = 'offline';
  private readonly files: OfflineFiles;

  constructor(pdfs: PdfReader) {
    this.files = new OfflineFiles(pdfs);
  }

  async *stream(request: ModelRequest): AsyncGenerator<ClientEvent> {
    request.signal.throwIfAborted();
    const usage: ModelUsage = {
      inputTokens: inputTokens(request),
      outputTokens: 0,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      estimated: false,
    };
    let done = false;
    try {
      const files = await unlessAborted(this.files.read(request.messages), request.signal);
      const conversation = readConversation(request, files);
      const step =
        request.purpose === 'summary'
          ? { texts: [{ text: summaryOf(conversation.question) }] }
          : nextStep(conversation, request.tools);
      const stopReason =
        'calls' in step
          ? yield* this.call(step.calls, request, usage)
          : yield* this.say(inForm(step.texts, request), request, usage);
      done = true;
      yield { type: 'done', stopReason, usage };
    } finally {
      if (!done) request.onUnfinished?.({ ...usage, estimated: true });
    }
  }

  private async *call(
    calls: { name: string; input: Record<string, unknown> }[],
    request: ModelRequest,
    usage: ModelUsage,
  ): AsyncGenerator<ClientEvent, StopReason> {
    for (const { name, input } of calls) {
      await turnOver(request.signal);
      const tokens = estimateTokens(name) + estimateTokens(JSON.stringify(input));
      if (usage.outputTokens + tokens > request.maxOutputTokens) return 'max_tokens';
      usage.outputTokens += tokens;
      const block: AssistantBlock = { type: 'tool_use', id: `toolu_${randomUUID().replaceAll('-', '')}`, name, input };
      yield { type: 'block', block };
    }
    return 'tool_use';
  }

  private async *say(
    texts: readonly SaidText[],
    request: ModelRequest,
    usage: ModelUsage,
  ): AsyncGenerator<ClientEvent, StopReason> {
    for (const { text, claim } of texts) {
      const { said, isComplete } = yield* this.sayText(text, request, usage);
      const claims = claim && isComplete ? { claims: [claim] } : {};
      if (said !== '') yield { type: 'block', block: { type: 'text', text: said }, ...claims };
      if (!isComplete) return 'max_tokens';
    }
    return 'end_turn';
  }

  private async *sayText(
    text: string,
    request: ModelRequest,
    usage: ModelUsage,
  ): AsyncGenerator<ClientEvent, { said: string; isComplete: boolean }> {
    const words = text.match(/\s*\S+/g) ?? [];
    let said = '';
    let delta = '';
    let isComplete = true;
    for (const [index, word] of words.entries()) {
      const tokens = estimateTokens(word.trim());
      isComplete = usage.outputTokens + tokens <= request.maxOutputTokens;
      if (!isComplete) break;
      usage.outputTokens += tokens;
      delta += word;
      if ((index + 1) % WORDS_PER_DELTA === 0) {
        await turnOver(request.signal);
        yield { type: 'text', text: delta };
        said += delta;
        delta = '';
      }
    }
    await turnOver(request.signal);
    if (delta !== '') yield { type: 'text', text: delta };
    return { said: said + delta, isComplete };
  }
}

/** Documents may take long to read, and nobody can be made to wait for that who has given up. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Where an answer has a schema, the words are what its texts hold. */
function inForm(texts: readonly SaidText[], { outputSchema }: ModelRequest): readonly SaidText[] {
  if (!outputSchema) return texts;
  return [{ text: JSON.stringify(instanceOf(outputSchema, texts.map(({ text }) => text).join(''))) }];
}

/** Lets others run, as a real upstream would. */
async function turnOver(signal: AbortSignal): Promise<void> {
  await eventLoop();
  signal.throwIfAborted();
}

/** The whole prompt, tools included, by the estimate of `estimateTokens`. */
function inputTokens({ system, messages, state, tools }: ModelRequest): number {
  return (
    estimateTokens([...system, state ?? ''].join('\n')) +
    estimateTokens(JSON.stringify(withoutDoubles(messages))) +
    messages.flatMap<object>(({ content }) => content).reduce((sum, block) => sum + tokensOf(block), 0) +
    (tools.length > 0 ? estimateTokens(JSON.stringify(tools)) : 0)
  );
}

/** What a tool's result says in passages it says in words too. */
function withoutDoubles(messages: readonly ModelMessage[]): unknown[] {
  return messages.map(({ role, content }) => ({
    role,
    content: content.map((block) => (block.type === 'tool_result' ? { ...block, passages: undefined } : block)),
  }));
}

function tokensOf(block: { tokens?: number }): number {
  return block.tokens ?? 0;
}
