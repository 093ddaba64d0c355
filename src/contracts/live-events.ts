/** What clients are shown while it happens. The data's shapes are the API's resources. */
export type RunEventType =
  | 'run.started'
  | 'run.waiting'
  | 'run.resumed'
  | 'run.completed'
  | 'run.failed'
  | 'run.cancelled'
  | 'message.created'
  | 'message.started'
  | 'message.completed'
  | 'message.delta'
  | 'thinking.delta'
  | 'message.discarded'
  | 'tool.call'
  | 'tool.progress'
  | 'tool.result'
  | 'permission.requested'
  | 'permission.decided'
  | 'client_tool.called'
  | 'usage.updated';

/** Events outside of a run: no `seq`, not replayed. */
export type LooseEventType =
  'session.updated' | 'document.updated' | 'server.restart' | 'access.revoked' | 'access.expired';

export const RUN_ENDS: ReadonlySet<string> = new Set<RunEventType>(['run.completed', 'run.failed', 'run.cancelled']);

/** The one envelope of SSE and Socket.IO. */
export interface RunEnvelope {
  seq: number;
  type: RunEventType;
  sessionId: string;
  runId: string;
  /** ISO 8601, UTC. */
  at: string;
  data: unknown;
}

export interface LooseEnvelope {
  type: LooseEventType;
  sessionId?: string;
  collectionId?: string;
  documentId?: string;
  at: string;
  data: unknown;
}

export type Envelope = RunEnvelope | LooseEnvelope;

/** Where live events go: everything of a session goes to its room, as does what becomes of a collection's documents. */
export type Room = `session:${string}:${string}` | `collection:${string}:${string}`;

/** A session's room; the tenant is part of its name, so that an id alone never reaches another tenant's events. */
export function sessionRoom(tenantId: string, sessionId: string): Room {
  return `session:${tenantId}:${sessionId}`;
}

/** A collection's room, named as a session's is. */
export function collectionRoom(tenantId: string, collectionId: string): Room {
  return `collection:${tenantId}:${collectionId}`;
}

/** Small messages that every process hears, itself included. They may be lost: the rows they speak of are the truth. */
export interface LiveSignals {
  /** Whoever holds the run looks at its row. */
  'run.cancel': { runId: string };
  'run.pause': { runId: string };
  /** The tenant's hooks are read anew. */
  'hooks.changed': { tenantId: string };
  /** Those whose actor has all the ids given may no longer be connected; the tenant alone means all of its own. */
  'access.revoked': { tenantId: string; userId?: string; credentialId?: string };
  /** Connections to the server are made anew; with a user, those that act as them. */
  'mcp.serverChanged': { tenantId: string; serverId: string; userId?: string };
}
