// The rules of this house as ESLint rules, one name each, so that eslint.config.js can lift one for the files it allows.

/** A rule that reports every node the selector finds. */
const ban = (selector, message) => ({
  meta: { type: 'problem', schema: [] },
  create: (context) => ({ [selector]: (node) => context.report({ node, message }) }),
});

const persistingMethods = new Set(['save', 'remove', 'softRemove', 'recover']);
const typeormClasses = new Set(['Repository', 'TreeRepository', 'EntityManager', 'BaseEntity']);

/** Needs type information: `files.remove(path)` is fine, `manager.remove(row)` is not. */
const noEntityPersistence = {
  meta: { type: 'problem', schema: [] },
  create: (context) => ({
    'CallExpression > MemberExpression.callee'(node) {
      if (!persistingMethods.has(node.property.name)) return;
      const { program, esTreeNodeToTSNodeMap } = context.sourceCode.parserServices;
      const type = program.getTypeChecker().getTypeAtLocation(esTreeNodeToTSNodeMap.get(node.object));
      if (!isFromTypeorm(type)) return;
      const message = `TypeORM's ${node.property.name}() opens a transaction of its own and writes what the client shaped; use insert(), update() or delete().`;
      context.report({ node, message });
    },
  }),
};

function isFromTypeorm(type) {
  const symbols = [type.symbol, ...(type.getBaseTypes?.() ?? []).map((base) => base.symbol)];
  return symbols.some(
    (symbol) =>
      typeormClasses.has(symbol?.name) &&
      symbol.declarations?.some((declaration) =>
        declaration.getSourceFile().fileName.includes('/node_modules/typeorm/'),
      ),
  );
}

export const houseRules = {
  rules: {
    'no-entity-persistence': noEntityPersistence,
    'no-own-transaction': ban(
      'MemberExpression[property.name=/^(transaction|createQueryRunner)$/]',
      'Db.run is the only way to a transaction.',
    ),
    'no-injected-orm': ban(
      'ImportSpecifier[imported.name=/^Inject(Repository|DataSource|EntityManager)$/]',
      'Repositories take their EntityManager from Db.run, which binds it to the tenant.',
    ),
    'orm-stays-below': ban(
      "ImportDeclaration[source.value='typeorm']",
      'TypeORM belongs in *.repository.ts, *.entity.ts and the platform.',
    ),
    'declared-system-actor': ban(
      "MemberExpression[object.name='Actor'][property.name='system']",
      'Work outside a tenant is allowed only in the files listed in eslint.config.js.',
    ),
    'settings-come-from-config': ban(
      "MemberExpression[object.name='process'][property.name='env'], VariableDeclarator[init.name='process'], ImportDeclaration[source.value=/^(node:)?process$/] ImportSpecifier[imported.name='env']",
      'Read settings from the settings object of src/platform/config.',
    ),
    'no-forward-ref': ban(
      "ImportSpecifier[imported.name='forwardRef'], MemberExpression[property.name='forwardRef']",
      'A circular dependency: let news travel upward as a domain event.',
    ),
    'named-exports-only': ban('ExportDefaultDeclaration', 'Export by name.'),
    'no-barrels': ban('Program', 'No index.ts: import from the file that holds it.'),
    'no-drawers': ban('Program', 'Name the folder for what it holds, not utils, helpers, types, constants or common.'),
    'no-focused-tests': ban(
      'CallExpression > MemberExpression.callee[object.name=/^(describe|it|test)$/][property.name=/^(only|skip)$/], CallExpression[callee.name=/^([fx](describe|it)|xtest)$/]',
      'A focused or skipped test hides the others or itself.',
    ),
  },
};
