import type { JSONValue } from 'json-p3';
import type { PermissionPolicy, PermissionRule, PolicyAction } from '../../contracts/permission-policy.js';
import { policyPath } from '../../contracts/policy-path.js';
import { matchesWildcard } from './wildcard.js';

const STRICTNESS: Record<PolicyAction, number> = { allow: 0, ask: 1, deny: 2 };

/** Harmless by nature: only a rule, never a default, stands in their way. */
const FREE = /^(calculator|clock):|^rag:search$|^client:/;

/** Within a level the first matching rule, else its default; across levels the strictest. */
export function decide(
  tool: string,
  input: Record<string, unknown>,
  levels: readonly PermissionPolicy[],
): PolicyAction {
  const stricter = (a: PolicyAction, b: PolicyAction): PolicyAction => (STRICTNESS[b] > STRICTNESS[a] ? b : a);
  return levels.map((level) => ofLevel(level, tool, input)).reduce(stricter, 'allow');
}

function ofLevel(level: PermissionPolicy, tool: string, input: Record<string, unknown>): PolicyAction {
  const rule = level.rules?.find((candidate) => matches(candidate, tool, input));
  return rule?.action ?? (FREE.test(tool) ? 'allow' : (level.default ?? 'allow'));
}

function matches(rule: PermissionRule, tool: string, input: Record<string, unknown>): boolean {
  if (!matchesWildcard(rule.tool, tool)) return false;
  return Object.entries(rule.arguments ?? {}).every(([path, pattern]) =>
    policyPath(path)
      .query(input as JSONValue)
      .values()
      .some((value) => matchesWildcard(pattern, typeof value === 'string' ? value : JSON.stringify(value))),
  );
}
