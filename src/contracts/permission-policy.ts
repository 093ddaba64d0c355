export type PolicyAction = 'allow' | 'ask' | 'deny';

export interface PermissionRule {
  /** `server:tool`, with `*` for any characters. */
  tool: string;
  /** JSONPath into the input → pattern; all must match. */
  arguments?: Record<string, string>;
  action: PolicyAction;
}

/** Who may use which tool, on one level: the tenant's, an agent's or a session's. */
export interface PermissionPolicy {
  default?: PolicyAction;
  rules?: readonly PermissionRule[];
}
