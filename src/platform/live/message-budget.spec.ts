import { expect, it } from '@jest/globals';
import { MessageBudget } from './message-budget.js';

it('gives so many messages a minute, and says when there are more', () => {
  const budget = new MessageBudget(2);
  expect([budget.spend(1_000), budget.spend(2_000)]).toEqual([null, null]);
  expect(budget.spend(31_000)).toBe(30);
  expect(budget.spend(61_000)).toBeNull();
});
