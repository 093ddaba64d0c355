import { DEFAULT_DEFINITION } from '../../agents/agent-definition.js';
import type { PinnedAgent } from '../../agents/agents.service.js';
import type { ToolRules } from '../../tenants/tenants.service.js';
import type { SessionEntity } from '../session.entity.js';
import type { PinnedRun } from './run.js';

const DEFAULT_PROMPT = 'You are a helpful assistant.';

/** What the session says stands in for what its agent says; policies of all levels hold together. */
export function pinRun(
  session: SessionEntity,
  agent: PinnedAgent | null,
  { permissionPolicy, disabledTools }: ToolRules,
): PinnedRun {
  const definition = agent?.definition ?? DEFAULT_DEFINITION;
  return {
    systemPrompt: session.systemPrompt ?? (definition.systemPrompt || DEFAULT_PROMPT),
    fallbackModels: definition.fallbackModels,
    temperature: definition.temperature,
    tools: session.tools ?? definition.tools,
    clientTools: session.clientTools,
    disabledTools,
    policies: [
      { default: 'allow', ...permissionPolicy },
      { default: 'ask', ...definition.permissionPolicy },
      ...(session.permissionPolicy ? [session.permissionPolicy] : []),
    ],
    limits: definition.resourceLimits,
    outputSchema: definition.outputSchema,
  };
}
