import type { Role } from './permissions.js';

/** What a resource's event says beside its ids. The action is what the audit log and event triggers show. */
export interface DomainEvents {
  'tenant.created': { name: string; slug: string };
  'tenant.updated': object;
  'tenant.suspended': object;
  'tenant.activated': object;
  'tenant.deleted': object;
  'tenant.restored': object;
  'member.added': { userId: string; role: Role; status: 'active' | 'pending' };
  'member.accepted': { userId: string };
  'member.updated': { userId: string; role: Role };
  'member.removed': { userId: string };
  'auth.loggedIn': { userId: string; tokenSessionId: string };
  'auth.loggedOut': { userId: string; tokenSessionId: string };
  'auth.loggedOutEverywhere': { userId: string };
  'auth.passwordChanged': { userId: string };
  'auth.refreshReused': { userId: string; tokenSessionId: string };
  'apiKey.created': { userId: string; name: string };
  'apiKey.revoked': { userId: string };
  'agent.created': { name: string };
  'agent.updated': { version: number };
  /** `to`: the version that came back as the new one. */
  'agent.rolledBack': { version: number; to: number };
  'agent.deleted': object;
  'hook.created': { event: string };
  'hook.updated': { event: string };
  'hook.deleted': { event: string };
  /** A run has completed that the hook is to be told of. */
  'hook.runCompleted': { runId: string; sessionId: string };
  'databaseConnection.created': { name: string };
  'databaseConnection.deleted': object;
  'session.created': object;
  'session.updated': object;
  'session.deleted': object;
  'sessionBatch.created': { sessions: number };
  'sessionTemplate.created': { name: string };
  'sessionTemplate.updated': object;
  'sessionTemplate.deleted': object;
  'session.paused': object;
  'session.resumed': object;
  'session.completed': object;
  'session.archived': object;
  'mcpServer.created': { name: string; transport: string };
  'mcpServer.updated': object;
  'mcpServer.deleted': object;
  /** Somebody let Atrium into a server with OAuth: for one user, or for the whole tenant. */
  'mcpServer.connected': { serverId: string; userId: string | null };
  /** `refused`: the authorization server stands by it no more. */
  'mcpServer.disconnected': { serverId: string; userId: string | null; reason: 'disconnected' | 'refused' };
  'mcpServer.clientGiven': object;
  'mcpServer.clientTakenBack': object;
  /** What a server says its tools are is another than what was agreed to. */
  'mcpServer.toolsChanged': { tools: string[] };
  'collection.created': { name: string };
  'collection.updated': object;
  'collection.deleted': object;
  'document.created': { collectionId: string };
  'documentBatch.created': { collectionId: string; documents: number };
  'document.reindexed': { collectionId: string };
  'document.deleted': { collectionId: string };
  /** It can be found, or a new version of it. */
  'document.ready': { collectionId: string; chunks: number };
  'document.failed': { collectionId: string; code: string };
  'query.answered': { collectionIds: string[]; status: string; sources: number };
  'evaluation.created': { collectionIds: string[]; cases: number };
  'evaluation.completed': object;
  'evaluation.failed': { code: string };
  'file.created': { name: string; mimeType: string; sizeBytes: number };
  'file.deleted': object;
  /** Of working directories; the resource is the session. */
  'workspaceFile.written': { path: string; sizeBytes: number; isNew: boolean };
  'workspaceFile.deleted': { path: string };
  'workspaceFolder.created': { path: string };
  'workspace.archived': { sizeBytes: number; files: number };
  'workspace.deleted': object;
  'message.updated': { sessionId: string };
  'message.deleted': { sessionId: string };
  'message.rated': { sessionId: string; rating: 1 | -1 };
  'run.started': { sessionId: string };
  'run.cancelRequested': { sessionId: string };
  /** By the session's own application. */
  'run.toolResultGiven': { sessionId: string; tool: string };
  'run.toolCallExpired': { sessionId: string; tool: string };
  /** Directly, by a person or a key. */
  'tool.executed': { tool: string; isError: boolean };
  'tool.enabled': { tool: string };
  'tool.disabled': { tool: string };
  /** An agent asked another. */
  'agentTask.created': { runId: string; sessionId: string; toAgentId: string };
  /** Of a run that another asked for: who asked is told. */
  'agentRun.waiting': { runId: string; sessionId: string };
  'agentRun.resumed': { runId: string; sessionId: string };
  'agentRun.ended': { runId: string; sessionId: string };
  'permission.requested': { sessionId: string; runId: string; tool: string };
  'permission.decided': {
    sessionId: string;
    runId: string;
    tool: string;
    decision: 'allow' | 'deny';
    remember: 'once' | 'session' | 'agent';
  };
  /** One of both is null. */
  'permission.grantRevoked': { sessionId: string | null; agentId: string | null; tool: string };
  'run.completed': { sessionId: string };
  'run.failed': { sessionId: string; code: string };
  'run.cancelled': { sessionId: string };
}

export type DomainEventName = keyof DomainEvents;

/** An event as a consumer gets it; it may come more than once, always with the same id. */
export interface DomainEvent<N extends DomainEventName = DomainEventName> {
  readonly id: string;
  readonly tenantId: string;
  readonly action: N;
  readonly actorId: string | null;
  readonly resourceType: string;
  readonly resourceId: string | null;
  readonly at: Date;
  readonly payload: DomainEvents[N];
}
