import { describe, expect, it } from '@jest/globals';
import { EventConsumers } from './event-consumers.js';

const nothing = async () => undefined;

describe('EventConsumers', () => {
  it('knows who is told of an action', () => {
    const consumers = new EventConsumers();
    consumers.on('live', ['run.completed', 'run.failed'], nothing);
    consumers.on('notifications', ['run.failed'], nothing);
    expect(consumers.of('run.failed')).toEqual(['live', 'notifications']);
    expect(consumers.of('agent.created')).toEqual([]);
    expect(consumers.pairs()).toHaveLength(3);
    consumers.on('mail', ['run.failed'], nothing, 'outside');
    expect(consumers.of('run.failed')).toEqual(['live', 'notifications', 'mail']);
    expect(consumers.of('run.failed', 'outside')).toEqual(['mail']);
    expect(consumers.pairs('outside')).toEqual([{ consumer: 'mail', action: 'run.failed' }]);
  });

  it('refuses a consumer that is already told of the action', () => {
    const consumers = new EventConsumers();
    consumers.on('live', ['run.completed'], nothing);
    expect(() => consumers.on('live', ['run.failed', 'run.completed'], nothing)).toThrow('live');
  });
});
