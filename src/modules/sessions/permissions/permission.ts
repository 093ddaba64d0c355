export const PERMISSION_STATUSES = ['pending', 'allowed', 'denied', 'expired', 'cancelled'] as const;
export type PermissionStatus = (typeof PERMISSION_STATUSES)[number];

/** A person is asked whether a tool may be called. */
export interface PermissionRequest {
  id: string;
  sessionId: string;
  /** Where a person began what came to this; another than `sessionId` where an agent asked an agent. */
  rootSessionId: string;
  runId: string;
  toolCallId: string;
  toolUseId: string;
  /** `server:tool`. */
  tool: string;
  input: Record<string, unknown>;
  /** The server with which the person has to connect an account; null where only their word is asked for. */
  connectServerId: string | null;
  status: PermissionStatus;
  decidedBy: string | null;
  reason: string | null;
  expiresAt: Date | null;
  createdAt: Date;
}

export type Remember = 'once' | 'session' | 'agent';

/** A person's word that holds for a tool with any input: in a session and those below it, or for an agent. */
export interface PermissionGrant {
  id: string;
  sessionId: string | null;
  agentId: string | null;
  /** `server:tool`. */
  tool: string;
  grantedBy: string;
  createdAt: Date;
}
