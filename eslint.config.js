import comments from '@eslint-community/eslint-plugin-eslint-comments/configs';
import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import globals from 'globals';
import tseslint from 'typescript-eslint';
import { houseRules } from './scripts/eslint-house-rules.mjs';

/** The only files that may act outside a tenant (`Actor.system`). */
const SYSTEM_ACTOR_FILES = [
  'src/platform/events/*.ts',
  'src/platform/jobs/*.ts',
  'src/platform/http/idempotency*.ts',
  'src/modules/sessions/**/run-event.writer.ts',
  'src/modules/sessions/**/overdue-calls.sweeper.ts',
  'src/modules/sessions/**/ended-tasks.sweeper.ts',
  'src/modules/admin/**/*.ts',
  'src/modules/auth/logins-everywhere.ts',
  'src/modules/auth/token-sessions.sweeper.ts',
  'src/modules/tenants/**/*.ts',
  'src/modules/workspaces/workspaces.sweeper.ts',
  'src/platform/storage/bytes-sweeper.ts',
  'src/modules/rag/ingestion/knowledge.sweeper.ts',
  'src/modules/rag/index/index-upkeep.sweeper.ts',
];

/** The only files that may know TypeORM. */
const ORM_FILES = [
  'src/**/*.repository.ts',
  'src/**/*.entity.ts',
  'src/platform/database/**/*.ts',
  'src/platform/events/**/*.ts',
  'src/platform/jobs/**/*.ts',
  'src/platform/http/**/*.ts',
];

const TYPESCRIPT = ['**/*.ts'];
const SCRIPTS = ['**/*.{js,mjs,cjs}'];
const TESTS = ['src/**/*.spec.ts', 'test/**/*.ts'];

export default defineConfig(
  globalIgnores(['dist/', 'data/', 'coverage/']),
  js.configs.recommended,
  comments.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@eslint-community/eslint-comments/require-description': 'error',
      '@eslint-community/eslint-comments/disable-enable-pair': ['error', { allowWholeFile: true }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-duplicate-imports': ['error', { allowSeparateTypeImports: true }],
      'object-shorthand': 'error',
      'prefer-template': 'error',
    },
  },
  { files: SCRIPTS, languageOptions: { globals: globals.node } },
  {
    files: TYPESCRIPT,
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: 'tsconfig.check.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Leaves files with decorators alone, where a type-only import would take the class away from Nest's injector.
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': 'allow-with-description' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // A Nest module is an empty class.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/no-invalid-void-type': ['error', { allowAsThisParameter: true }],
      // A raw query's caller names the shape of its rows.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Postgres hands a bigint over as text, whatever a row's type says.
      '@typescript-eslint/no-unnecessary-type-conversion': 'off',
      // DTOs and entities are classes for their decorators' sake; what matters of them is their shape.
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      // One implementation of an async port may have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowBoolean: true, allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { house: houseRules },
    rules: {
      'house/no-entity-persistence': 'error',
      'house/no-own-transaction': 'error',
      'house/orm-stays-below': 'error',
      'house/declared-system-actor': 'error',
      'house/settings-come-from-config': 'error',
      'house/no-forward-ref': 'error',
      'house/named-exports-only': 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
    },
  },
  { files: ['src/modules/**/*.ts'], rules: { 'house/no-injected-orm': 'error' } },
  { files: ORM_FILES, rules: { 'house/orm-stays-below': 'off' } },
  { files: ['src/platform/database/**/*.ts'], rules: { 'house/no-own-transaction': 'off' } },
  { files: SYSTEM_ACTOR_FILES, rules: { 'house/declared-system-actor': 'off' } },
  { files: ['src/platform/config/**/*.ts'], rules: { 'house/settings-come-from-config': 'off' } },
  // What a thread is to do is the default export of its file.
  { files: ['src/**/*.worker.ts'], rules: { 'house/named-exports-only': 'off' } },
  { files: ['src/**/index.ts'], rules: { 'house/no-barrels': 'error' } },
  { files: ['src/**/{utils,helpers,types,constants,common}/**'], rules: { 'house/no-drawers': 'error' } },
  {
    files: TESTS,
    plugins: { house: houseRules },
    rules: {
      'house/no-entity-persistence': 'error',
      'house/no-focused-tests': 'error',
      // Response bodies are `any`: what they hold is what the test asserts.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
