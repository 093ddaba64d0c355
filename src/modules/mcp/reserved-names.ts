/** What the parts of Atrium are called where a tool's server is named. */
export const RESERVED_SERVERS: ReadonlySet<string> = new Set(['agent', 'rag', 'client', 'web']);

/** Also where this installation has not got one of them: its name is not free to be taken. */
export const BUILTIN_SERVERS: ReadonlySet<string> = new Set(['calculator', 'clock', 'filesystem', 'database', 'fetch']);
