/** What a collection's texts may be written in; `simple` takes words as they stand. */
export const LANGUAGES = [
  'simple',
  'danish',
  'dutch',
  'english',
  'finnish',
  'french',
  'german',
  'italian',
  'norwegian',
  'portuguese',
  'russian',
  'spanish',
  'swedish',
] as const;
export type Language = (typeof LANGUAGES)[number];
