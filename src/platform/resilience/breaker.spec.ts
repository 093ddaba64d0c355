import { describe, expect, it, jest } from '@jest/globals';
import { Breaker, CircuitOpen } from './breaker.js';
import { Breakers } from './breakers.js';

const options = { window: 10, minimumCalls: 3, openMs: 1000, maxOpenMs: 4000 };

function opened(): Breaker {
  const breaker = new Breaker('side', options);
  for (let i = 0; i < 3; i += 1) breaker.begin().failed();
  return breaker;
}

const counted = () => new Promise((resolve) => setImmediate(resolve));

describe('Breaker', () => {
  it('opens after enough failures and refuses calls', async () => {
    const breaker = opened();
    await counted();
    expect(breaker.state).toBe('open');
    expect(() => breaker.begin()).toThrow(CircuitOpen);
  });

  it('stays closed while most calls succeed', async () => {
    const breaker = new Breaker('side', options);
    for (let i = 0; i < 6; i += 1) breaker.begin().succeeded();
    for (let i = 0; i < 4; i += 1) breaker.begin().failed();
    await counted();
    expect(breaker.state).toBe('closed');
  });

  it('does not count abandoned calls', async () => {
    const breaker = new Breaker('side', options);
    for (let i = 0; i < 20; i += 1) breaker.begin().abandoned();
    await counted();
    expect(breaker.state).toBe('closed');
  });

  it('counts only the first outcome of a call', async () => {
    const breaker = new Breaker('side', options);
    for (let i = 0; i < 5; i += 1) {
      const call = breaker.begin();
      call.succeeded();
      call.failed();
    }
    await counted();
    expect(breaker.state).toBe('closed');
  });

  describe('after its time', () => {
    async function trial() {
      const breaker = opened();
      await counted();
      jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 10_000);
      const call = breaker.begin();
      jest.restoreAllMocks();
      return { breaker, call };
    }

    it('lets one call try and refuses others meanwhile', async () => {
      const { breaker } = await trial();
      expect(breaker.state).toBe('half-open');
      expect(() => breaker.begin()).toThrow(CircuitOpen);
    });

    it('closes as soon as the trial is answered', async () => {
      const { breaker, call } = await trial();
      call.answering();
      await counted();
      expect(breaker.state).toBe('closed');
    });

    it('opens again when the trial fails', async () => {
      const { breaker, call } = await trial();
      call.failed();
      await counted();
      expect(breaker.state).toBe('open');
      expect(() => breaker.begin()).toThrow(CircuitOpen);
    });

    it('lets the next call be the trial when this one is abandoned', async () => {
      const { breaker, call } = await trial();
      call.abandoned();
      await counted();
      expect(breaker.state).toBe('open');
      breaker.begin();
      expect(breaker.state).toBe('half-open');
    });
  });
});

describe('Breakers', () => {
  it('keeps one breaker for each name and lists their states', async () => {
    const breakers = new Breakers(options);
    expect(breakers.get('a')).toBe(breakers.get('a'));
    for (let i = 0; i < 3; i += 1) breakers.get('b').begin().failed();
    await counted();
    expect(breakers.list()).toEqual([
      { name: 'a', state: 'closed' },
      { name: 'b', state: 'open' },
    ]);
  });
});
