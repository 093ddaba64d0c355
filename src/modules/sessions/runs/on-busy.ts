/** What to do with a message to a session in which a run is on. */
export const ON_BUSY = ['reject', 'queue', 'interrupt'] as const;
export type OnBusy = (typeof ON_BUSY)[number];
