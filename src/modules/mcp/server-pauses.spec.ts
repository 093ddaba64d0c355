import { expect, it } from '@jest/globals';
import { ServerPauses } from './server-pauses.js';

it('grow with each failure in a row, end with a success, and are forgotten by what their keys begin with', () => {
  const pauses = new ServerPauses();
  expect(pauses.leftOf('t/s/1/')).toBe(0);
  const failure = new Error('down');
  for (let n = 0; n < 10; n++) pauses.failed('t/s/1/', failure);
  expect(pauses.leftOf('t/s/1/')).toBeGreaterThan(10_000);
  expect(pauses.failureOf('t/s/1/')).toBe(failure);
  pauses.succeeded('t/s/1/');
  pauses.failed('t/s/1/', failure);
  expect(pauses.leftOf('t/s/1/')).toBeLessThan(1_000);
  pauses.failed('t/other/1/', failure);
  pauses.forget('t/s/');
  expect(pauses.leftOf('t/s/1/')).toBe(0);
  expect(pauses.leftOf('t/other/1/')).toBeGreaterThan(0);
});
