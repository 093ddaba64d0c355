/** A module may import from those before it, never from those after it. */
const ORDER = [
  'usage',
  'tenants',
  'auth',
  'secrets',
  'models',
  'tools',
  'hooks',
  'builtins',
  'mcp',
  'rag',
  'workspaces',
  'agents',
  'sessions',
  'answers',
  'workflows',
  'tasks',
  'triggers',
  'mcp-server',
  'admin',
];

/** These consume events: they import no module, and no module imports them. */
const CONSUMERS = ['audit', 'notifications'];

/** These render what their callers hand them: they import no module. */
const LEAVES = [...CONSUMERS, 'reports'];

/** What a module shows to the others, besides its services, its DTOs and the Nest module itself. */
const PORTS = [
  '^src/modules/models/(model-client|model-errors|token-estimate|citations|passages)\\.ts$',
  '^src/modules/tools/(tool[^/]*|wildcard)\\.ts$',
  '^src/modules/workspaces/(workspace-path|folder-entries|mime-type)\\.ts$',
  '^src/modules/agents/agent-definition\\.ts$',
  '^src/modules/sessions/usage\\.ts$',
];

const PUBLIC_FILES = '\\.(service|module|dto)\\.ts$';
const SPEC = '\\.spec\\.ts$';
const within = (modules) => `^src/modules/(${modules.join('|')})/`;
const ANY_MODULE = '^src/modules/([^/]+)/';

const layers = [
  {
    name: 'contracts-import-nothing-of-ours',
    from: { path: '^src/contracts/' },
    to: { path: '^src/', pathNot: '^src/contracts/' },
  },
  {
    name: 'platform-knows-no-module',
    from: { path: '^src/platform/' },
    to: { path: '^src/', pathNot: '^src/(contracts|platform)/' },
  },
  {
    name: 'modules-do-not-know-the-application',
    from: { path: '^src/modules/' },
    to: { path: '^src/[^/]+\\.ts$' },
  },
  {
    name: 'sources-know-no-tests',
    from: { path: '^src/', pathNot: SPEC },
    to: { path: '^(test|bench|scripts)/' },
  },
];

const moduleOrder = [
  ...ORDER.slice(0, -1).map((module, position) => ({
    name: `${module}-imports-only-what-comes-before-it`,
    from: { path: within([module]) },
    to: { path: within(ORDER.slice(position + 1)) },
  })),
  {
    name: 'leaves-import-no-module',
    from: { path: within(LEAVES) },
    to: { path: ANY_MODULE, pathNot: '^src/modules/$1/' },
  },
  {
    name: 'consumers-are-imported-by-no-module',
    from: { path: ANY_MODULE },
    to: { path: within(CONSUMERS), pathNot: '^src/modules/$1/' },
  },
  {
    name: 'every-module-has-its-place-in-the-order',
    from: { path: ANY_MODULE, pathNot: within([...ORDER, ...LEAVES]) },
    to: {},
  },
  {
    name: 'only-the-public-files-of-another-module',
    from: { path: ANY_MODULE },
    to: { path: ANY_MODULE, pathNot: ['^src/modules/$1/', PUBLIC_FILES, ...PORTS] },
  },
];

const hygiene = [
  { name: 'no-cycles', from: {}, to: { circular: true } },
  // The build is not there before it is made.
  { name: 'no-unresolvable-imports', from: {}, to: { couldNotResolve: true, pathNot: '/dist/' } },
  {
    name: 'no-development-packages-at-run-time',
    from: { path: '^src/', pathNot: SPEC },
    to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
  },
  { name: 'no-unlisted-packages', from: {}, to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] } },
];

module.exports = {
  forbidden: [...layers, ...moduleOrder, ...hygiene].map((rule) => ({ ...rule, severity: 'error' })),
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsConfig: { fileName: 'tsconfig.check.json' },
    // Type-only imports bind a module to another just as well.
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
