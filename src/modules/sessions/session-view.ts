import type { SessionEntity } from './session.entity.js';
import type { SessionDto } from './sessions.dto.js';
import { usageOf } from './usage.js';

export function shownSession(session: SessionEntity): SessionDto {
  return {
    id: session.id,
    agentId: session.agentId,
    title: session.title,
    pattern: session.pattern,
    visibility: session.visibility,
    status: session.status,
    model: session.model,
    systemPrompt: session.systemPrompt,
    tools: session.tools,
    permissionPolicy: session.permissionPolicy as SessionDto['permissionPolicy'],
    context: session.context,
    clientTools: session.clientTools,
    metadata: session.metadata,
    createdBy: session.createdBy,
    messageCount: session.messageCount,
    forkedFrom: session.forkedFromSessionId
      ? { sessionId: session.forkedFromSessionId, messageId: session.forkedFromMessageId }
      : null,
    parentRunId: session.parentRunId,
    rootSessionId: session.rootSessionId,
    usage: usageOf(session),
    lastActivityAt: session.lastActivityAt.toISOString(),
    createdAt: session.createdAt.toISOString(),
    updatedAt: session.updatedAt.toISOString(),
  };
}
