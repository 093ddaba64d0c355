import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { AnthropicClient, type AnthropicOptions } from '../../src/modules/models/anthropic.client.js';
import type {
  AssistantBlock,
  ClientEvent,
  ModelMessage,
  ModelRequest,
  ModelUsage,
} from '../../src/modules/models/model-client.js';
import type { ModelCallFailed } from '../../src/modules/models/model-errors.js';
import { knownModels } from '../../src/modules/models/model-list.js';
import { FakeAnthropic } from './fake-anthropic.js';
import { aRequest, collect, collectUntilError } from './model-request.js';
import type { Reply, Step } from './reply.js';

export const KEY = 'sk-ant-test-0123456789';

/** A fake upstream that lives as long as the test file, and clients of it. */
export function givenUpstream() {
  const upstream = new FakeAnthropic();
  beforeAll(() => upstream.start());
  afterAll(() => upstream.stop());
  beforeEach(() => {
    upstream.reset();
  });
  const listed = knownModels(null);

  function client(options: Partial<AnthropicOptions> = {}): AnthropicClient {
    return new AnthropicClient({
      apiKey: KEY,
      baseUrl: upstream.url,
      lookUp: (name) => listed.find((model) => model.name === name),
      ...options,
    });
  }

  return {
    upstream,
    client,
    /** The last request the upstream saw. */
    sent: () => upstream.requests.at(-1)!,
    answer(reply: Reply, request: Partial<ModelRequest> = {}): Promise<ClientEvent[]> {
      upstream.enqueue(reply);
      return collect(client().stream(aRequest(request)));
    },
    async failure(reply: Reply, options: Partial<AnthropicOptions> = {}) {
      upstream.enqueue(reply);
      let unfinished: ModelUsage | undefined;
      const onUnfinished = (usage: ModelUsage) => (unfinished = usage);
      const { events, error } = await collectUntilError(client(options).stream(aRequest({ onUnfinished })));
      return { events, error: error as ModelCallFailed, unfinished };
    },
  };
}

export function streaming(...steps: Step[]): Reply {
  return { steps };
}

export function said(text: string): ModelMessage {
  return { role: 'user', content: [{ type: 'text', text }] };
}

export function answered(...content: AssistantBlock[]): ModelMessage {
  return { role: 'assistant', content };
}

export function blocks(events: ClientEvent[]): AssistantBlock[] {
  return events.flatMap((event) => (event.type === 'block' ? [event.block] : []));
}
