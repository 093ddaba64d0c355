import { DEFAULT_DEFINITION, type ResourceLimits } from '../../agents/agent-definition.js';
import type { PinnedAgent } from '../../agents/agents.service.js';
import type { ToolRules } from '../../tenants/tenants.service.js';
import type { SessionEntity } from '../session.entity.js';
import type { Delegated, PinnedRun } from './run.js';

const DEFAULT_PROMPT = 'You are a helpful assistant.';

/** What the session says stands in for what its agent says; policies of all levels hold together. */
export function pinRun(
  session: SessionEntity,
  agent: PinnedAgent | null,
  { permissionPolicy, disabledTools }: ToolRules,
  delegated?: Delegated,
): PinnedRun {
  const definition = agent?.definition ?? DEFAULT_DEFINITION;
  return {
    systemPrompt: session.systemPrompt ?? (definition.systemPrompt || DEFAULT_PROMPT),
    fallbackModels: definition.fallbackModels,
    temperature: definition.temperature,
    tools: session.tools ?? definition.tools,
    clientTools: session.clientTools,
    collectionIds: definition.collectionIds,
    disabledTools,
    policies: [
      { default: 'allow', ...permissionPolicy },
      { default: 'ask', ...definition.permissionPolicy },
      ...(session.permissionPolicy ? [session.permissionPolicy] : []),
    ],
    limits: delegated ? tightest(definition.resourceLimits, delegated.limits) : definition.resourceLimits,
    ...(delegated ? { delegated } : {}),
    outputSchema: definition.outputSchema,
  };
}

function tightest(own: ResourceLimits, above: ResourceLimits): ResourceLimits {
  const least = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.min(a, b));
  return {
    maxTokens: least(own.maxTokens, above.maxTokens),
    maxTurns: least(own.maxTurns, above.maxTurns),
    maxExecutionTimeMs: least(own.maxExecutionTimeMs, above.maxExecutionTimeMs),
    maxCostMicros: least(own.maxCostMicros, above.maxCostMicros),
  };
}
