import type { RunEnvelope } from '../src/contracts/live-events.js';

/** The events of a stream as they come; ends with the stream. */
export async function* eventsOf(response: Response): AsyncGenerator<RunEnvelope> {
  if (!response.ok || !response.body) throw new Error(`no stream: ${response.status} ${await response.text()}`);
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data) yield JSON.parse(data) as RunEnvelope;
    }
  }
}

export async function allEvents(response: Response): Promise<RunEnvelope[]> {
  const events: RunEnvelope[] = [];
  for await (const event of eventsOf(response)) events.push(event);
  return events;
}
