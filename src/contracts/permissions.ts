/** What can be done to what. API-key scopes and `@Access({ can })` use the names `resource:verb`. */
const VERBS = {
  agents: ['read', 'create', 'update', 'delete', 'execute'],
  sessions: ['read', 'create', 'update', 'delete'],
  messages: ['read', 'create', 'update', 'delete'],
  files: ['read', 'create', 'update', 'delete'],
  tasks: ['read', 'create', 'update', 'delete', 'execute'],
  workflows: ['read', 'create', 'update', 'delete', 'execute'],
  triggers: ['read', 'create', 'update', 'delete'],
  rag: ['read', 'create', 'update', 'delete'],
  documents: ['read', 'create', 'update', 'delete'],
  mcp: ['read', 'create', 'update', 'delete', 'execute'],
  permissions: ['read', 'decide'],
  approvals: ['read', 'decide'],
  members: ['read', 'create', 'update', 'delete'],
  apiKeys: ['read', 'create', 'delete'],
  secrets: ['read', 'create', 'delete'],
  quotas: ['read', 'update'],
  usage: ['read'],
  audit: ['read'],
  tenant: ['read', 'update', 'delete'],
} as const;

type Verbs = typeof VERBS;
type Resource = keyof Verbs;
export type Permission = { [R in Resource]: `${R}:${Verbs[R][number]}` }[Resource];

export const ROLES = ['viewer', 'member', 'admin', 'owner'] as const;
export type Role = (typeof ROLES)[number];

const ALL: readonly Permission[] = (Object.keys(VERBS) as Resource[]).flatMap((resource) =>
  VERBS[resource].map((verb) => `${resource}:${verb}` as Permission),
);

/** Patterns a role adds to the one before it. */
const ADDED: Record<Role, readonly string[]> = {
  viewer: ['*:read'],
  member: [
    'sessions:*',
    'messages:*',
    'files:*',
    'tasks:*',
    'documents:create',
    'agents:execute',
    'workflows:execute',
    'mcp:execute',
    'apiKeys:*',
    'permissions:decide',
    'approvals:decide',
  ],
  admin: [
    'agents:*',
    'mcp:*',
    'workflows:*',
    'triggers:*',
    'rag:*',
    'documents:*',
    'members:*',
    'quotas:*',
    'secrets:*',
    'audit:read',
  ],
  owner: ['tenant:*'],
};

/** `*:read` does not reach these: they show people, credentials and what others did. */
const NOT_FOR_EVERY_READER: ReadonlySet<string> = new Set(['audit:read', 'secrets:read', 'members:read']);

function expand(pattern: string): Permission[] {
  const [resource, verb, ...more] = pattern.split(':');
  if (more.length > 0) return [];
  return ALL.filter((permission) => {
    const [r, v] = permission.split(':');
    if (resource === '*' && NOT_FOR_EVERY_READER.has(permission)) return false;
    return (resource === '*' || resource === r) && (verb === '*' || verb === v);
  });
}

const OF_ROLE = new Map<Role, ReadonlySet<Permission>>();
for (const [index, role] of ROLES.entries()) {
  const before = index === 0 ? [] : [...(OF_ROLE.get(ROLES[index - 1] as Role) ?? [])];
  OF_ROLE.set(role, new Set([...before, ...ADDED[role].flatMap(expand)]));
}

export function permissionsOf(role: Role): ReadonlySet<Permission> {
  return OF_ROLE.get(role) ?? new Set();
}

/** A scope is a permission, `resource:*`, `*:read` or `*`; anything else is not one. */
export function isScope(text: string): boolean {
  return text === '*' || expand(text).length > 0;
}

/** What a key may do: what its scopes name, as far as its owner's role allows it now. No scopes: all of the role. */
export function effectivePermissions(role: Role, scopes: readonly string[] | null): ReadonlySet<Permission> {
  const ofRole = permissionsOf(role);
  if (scopes === null || scopes.includes('*')) return ofRole;
  return new Set(scopes.flatMap(expand).filter((permission) => ofRole.has(permission)));
}

export function roleAtLeast(role: Role, floor: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(floor);
}
