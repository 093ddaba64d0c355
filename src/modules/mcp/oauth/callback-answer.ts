import { ValidationFailed } from '../../../contracts/errors.js';
import type { CallbackAnswer } from './oauth-connections.service.js';

const NAMES = ['state', 'code', 'error', 'iss'] as const;
const MOST_CHARACTERS = 8_192;

/** What counts of the query; each once. @throws ValidationFailed */
export function answerOf(query: Record<string, unknown>): CallbackAnswer {
  const given = NAMES.filter((name) => query[name] !== undefined).map((name) => {
    const value = query[name];
    // Its value is not told: it is a credential, or a stranger's.
    if (typeof value !== 'string' || value.length > MOST_CHARACTERS)
      throw ValidationFailed.of(name, `${name} must be one text`);
    return [name, value];
  });
  const answer = Object.fromEntries(given) as Partial<CallbackAnswer>;
  if (answer.state === undefined) throw ValidationFailed.of('state', 'state must be given');
  return { ...answer, state: answer.state };
}
