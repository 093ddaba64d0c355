import type { RunEventType } from '../../../contracts/live-events.js';
import type { PermissionRequest } from '../permissions/permission.js';
import { shownPermission } from '../permissions/permissions.dto.js';
import type { RunToolCall } from '../run-loop/run-steps.repository.js';
import { outputUrlOf } from '../executions/execution.js';
import type { CallAnswer, WaitingCall } from './waiting-calls.repository.js';

export interface EventOfCall {
  type: Extract<RunEventType, 'permission.requested' | 'permission.decided' | 'tool.result'>;
  data: Record<string, unknown>;
}

/** Somebody else than a process of ours carries it out. */
export function isFromOutside({ waitsFor }: Pick<WaitingCall, 'waitsFor'>): boolean {
  return waitsFor === 'client' || waitsFor === 'agent';
}

/** What is shown of an answer that came from outside. */
export function answerEvents(
  call: Pick<WaitingCall, 'id' | 'toolUseId' | 'name' | 'waitedMs'>,
  answer: CallAnswer,
  permission: PermissionRequest | null,
): EventOfCall[] {
  const decided = permission ? [decidedEvent(permission)] : [];
  if (answer.status === 'pending') return decided;
  return [...decided, resultEvent({ ...call, ...answer, durationMs: call.waitedMs })];
}

export function decidedEvent(permission: PermissionRequest): EventOfCall {
  return { type: 'permission.decided', data: { permission: shownPermission(permission) } };
}

export function resultEvent(
  call: Pick<RunToolCall, 'id' | 'toolUseId' | 'name' | 'isError' | 'output' | 'truncated' | 'durationMs'>,
): EventOfCall {
  const { id, toolUseId, name, isError, output, truncated, durationMs } = call;
  const rest = truncated ? { truncated, outputUrl: outputUrlOf(id) } : {};
  return { type: 'tool.result', data: { toolUseId, name, isError, output, ...rest, durationMs } };
}
