import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from '@jest/globals';
import { sessionRoom, type Envelope, type LiveSignals } from '../../contracts/live-events.js';
import { Live } from './live.js';

const room = sessionRoom('t', 's');
const envelope: Envelope = { type: 'session.updated', sessionId: 's', at: '2026-01-01T00:00:00.000Z', data: {} };
const noGap = () => undefined;

describe('Live', () => {
  it('reaches the readers of a room, and no others, until they leave', () => {
    const live = new Live(null);
    const got: string[] = [];
    const leave = live.subscribe(room, () => got.push('reader'), noGap);
    live.subscribe(sessionRoom('other', 's'), () => got.push('other'), noGap);
    live.emit(room, [envelope]);
    leave();
    live.emit(room, [envelope]);
    expect(got).toEqual(['reader']);
  });

  it('goes on after a listener that fails', async () => {
    const live = new Live(null);
    const got: string[] = [];
    live.subscribe(
      room,
      () => {
        throw new Error('broken');
      },
      noGap,
    );
    live.subscribe(room, () => got.push('reader'), noGap);
    live.onSignal('run.cancel', () => Promise.reject(new Error('broken')));
    live.onSignal('run.cancel', ({ runId }) => void got.push(runId));
    live.emit(room, [envelope]);
    live.signal('run.cancel', { runId: 'r' });
    await Promise.resolve();
    expect(got).toEqual(['reader', 'r']);
  });

  it('calls listeners outside of what the emitter is in', () => {
    const context = new AsyncLocalStorage<string>();
    const live = new Live(null);
    const seen: unknown[] = [];
    live.subscribe(room, () => seen.push(context.getStore()), noGap);
    const onSignal = (_signal: LiveSignals['run.cancel']) => void seen.push(context.getStore());
    const forget = live.onSignal('run.cancel', onSignal);
    context.run('transaction', () => {
      live.emit(room, [envelope]);
      live.signal('run.cancel', { runId: 'r' });
    });
    forget();
    live.signal('run.cancel', { runId: 'r' });
    expect(seen).toEqual([undefined, undefined]);
  });
});
