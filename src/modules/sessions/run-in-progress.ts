import { Conflict } from '../../contracts/errors.js';

/** What is asked for can not be while a run of the session has not ended. */
export function runIsOn(): Conflict {
  return new Conflict('A run is on in this session: cancel it first', { code: 'run_in_progress' });
}
