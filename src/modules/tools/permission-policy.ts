import type { JSONValue } from 'json-p3';
import type { PermissionPolicy, PermissionRule, PolicyAction } from '../../contracts/permission-policy.js';
import { policyPath } from '../../contracts/policy-path.js';
import { matchesWildcard } from './wildcard.js';

const STRICTNESS: Record<PolicyAction, number> = { allow: 0, ask: 1, deny: 2 };

/** Harmless by nature: only a rule, never a default, stands in their way. */
const FREE = /^(calculator|clock):|^rag:search$|^client:/;

/** A thousand times what sensible policies take; those of thousands of paths over a huge input end here. */
const LIMIT_MS = 250;

interface Call {
  tool: string;
  input: Record<string, unknown>;
  deadline: number;
}

/**
 * Within a level the first matching rule, else its default; across levels the strictest.
 * Throws where the paths can't be followed in this input, or not in reasonable time.
 */
export function decide(
  tool: string,
  input: Record<string, unknown>,
  levels: readonly PermissionPolicy[],
  now: () => number = () => performance.now(),
): PolicyAction {
  const call = { tool, input, deadline: now() + LIMIT_MS };
  const stricter = (a: PolicyAction, b: PolicyAction): PolicyAction => (STRICTNESS[b] > STRICTNESS[a] ? b : a);
  return levels.map((level) => ofLevel(level, call, now)).reduce(stricter, 'allow');
}

function ofLevel(level: PermissionPolicy, call: Call, now: () => number): PolicyAction {
  const rule = level.rules?.find((candidate) => matches(candidate, call, now));
  return rule?.action ?? (FREE.test(call.tool) ? 'allow' : (level.default ?? 'allow'));
}

function matches(rule: PermissionRule, { tool, input, deadline }: Call, now: () => number): boolean {
  if (!matchesWildcard(rule.tool, tool)) return false;
  return Object.entries(rule.arguments ?? {}).every(([path, pattern]) => {
    if (now() > deadline) throw new Error('The policy takes too long');
    return policyPath(path)
      .query(input as JSONValue)
      .values()
      .some((value) => matchesWildcard(pattern, typeof value === 'string' ? value : JSON.stringify(value)));
  });
}
