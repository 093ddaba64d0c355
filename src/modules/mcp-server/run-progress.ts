import { Injectable } from '@nestjs/common';
import { sessionRoom, type Envelope, type RunEnvelope } from '../../contracts/live-events.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Live } from '../../platform/live/live.js';

/** Clients give up on who says nothing for a minute. */
const STILL_AT_WORK_MS = 10_000;

interface Followed {
  id: string;
  sessionId: string;
  isHere: boolean;
}

/** Tells in words how a run goes. Live events are hints, which is enough for that. */
@Injectable()
export class RunProgress {
  constructor(private readonly live: Live) {}

  /** Returns what ends it. */
  follow(run: Followed, tell: (message: string) => void): () => void {
    const onEvents = (envelopes: readonly Envelope[]): void => {
      for (const envelope of envelopes) {
        const message = 'runId' in envelope && envelope.runId === run.id ? inWords(envelope) : null;
        if (message !== null) tell(message);
      }
    };
    const room = sessionRoom(currentTenantActor().tenantId, run.sessionId);
    const leave = this.live.subscribe(room, onEvents, () => undefined, run.isHere);
    const beat = setInterval(() => tell('Still at work'), STILL_AT_WORK_MS).unref();
    tell(`Run ${run.id} has started`);
    return () => {
      clearInterval(beat);
      leave();
    };
  }
}

function inWords({ type, data }: RunEnvelope): string | null {
  const { name, isError, message } = data as { name?: string; isError?: boolean; message?: string };
  switch (type) {
    case 'message.started':
      return 'Answering';
    case 'tool.call':
      return `Calling ${name}`;
    case 'tool.progress':
      return message ?? null;
    case 'tool.result':
      return `${name} ${isError ? 'failed' : 'is done'}`;
    case 'run.resumed':
      return 'Going on';
    default:
      return null;
  }
}
