import { describe, expect, it } from '@jest/globals';
import { Environment } from '../../../platform/config/environment.js';
import { rerankFaults } from './rerank-settings.js';

const faults = (part: Partial<Environment>) =>
  rerankFaults(Object.assign(new Environment(), part), (name) => name.startsWith('claude-'));

describe('RERANK_MODEL', () => {
  it.each<Partial<Environment>>([
    {},
    { RERANK_MODEL: 'offline' },
    { RERANK_MODEL: 'voyage:rerank-2.5', VOYAGE_API_KEY: 'pa-key' },
    { RERANK_MODEL: 'rerank-2.5-lite', VOYAGE_API_KEY: 'pa-key' },
    { RERANK_MODEL: 'claude-haiku-5-5' },
  ])('may be %j', (part) => {
    expect(faults(part)).toEqual([]);
  });

  it('has to be known, and needs its key', () => {
    expect(faults({ RERANK_MODEL: 'voyage:rerank-2.5' })).toEqual([
      'RERANK_MODEL voyage:rerank-2.5 needs VOYAGE_API_KEY',
    ]);
    expect(faults({ RERANK_MODEL: 'gpt-9' })).toEqual([expect.stringContaining('voyage:rerank-2.5-lite')]);
  });
});
