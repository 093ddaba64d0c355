import { ValidationFailed } from '../../../contracts/errors.js';

/** How a run is answered: by its events, at once by itself, or else by its end. */
export interface AnswerWay {
  stream?: boolean;
  background?: boolean;
}

/** @throws ValidationFailed */
export function assertOneWay({ stream, background }: AnswerWay): void {
  if (stream && background) throw ValidationFailed.of('background', 'stream and background exclude each other', true);
}
