// The budgets and habits of the house; layering, naming and links are checked by test/architecture.test.ts.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const hostileGlobals = [
  { object: 'Date', property: 'now', message: 'time comes from base/clock.ts' },
  { object: 'Math', property: 'random', message: 'randomness comes from base/random.ts' },
  { object: 'process', property: 'env', message: 'configuration is parsed in cli/' },
];

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '**/*.mjs'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-depth': ['error', 3],
      complexity: ['error', 15],
      'no-restricted-properties': ['error', ...hostileGlobals],
      'no-console': 'error',
    },
  },
  {
    files: ['**/*.test.ts', 'test/**', '**/*-suite.ts', '**/*-fixture.ts', 'cli/**', 'base/**', 'bin/**'],
    rules: {
      'max-lines-per-function': 'off',
      'no-restricted-properties': 'off',
      'no-console': 'off',
      'max-lines': 'off',
    },
  },
);
