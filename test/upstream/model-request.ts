import type { ClientEvent, ModelRequest } from '../../src/modules/models/model-client.js';

/** A model request with only what a test cares about. */
export function aRequest<Extra extends Partial<ModelRequest>>(extra: Extra): ModelRequest & Extra {
  return {
    model: 'claude-sonnet-5-5',
    system: [],
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
    tools: [],
    maxOutputTokens: 1000,
    temperature: null,
    signal: new AbortController().signal,
    ...extra,
  };
}

export async function collect<E extends ClientEvent>(events: AsyncIterable<E>): Promise<E[]> {
  const all: E[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** What was shown and what ended it. */
export async function collectUntilError<E extends ClientEvent>(
  events: AsyncIterable<E>,
): Promise<{ events: E[]; error: unknown }> {
  const all: E[] = [];
  try {
    for await (const event of events) all.push(event);
    return { events: all, error: undefined };
  } catch (error) {
    return { events: all, error };
  }
}

export function textOf(events: ClientEvent[]): string {
  return events.map((event) => (event.type === 'text' ? event.text : '')).join('');
}
