import typescript from '@typescript-eslint/eslint-plugin';
import parser from '@typescript-eslint/parser';

/** `allowTypeImports`: types cost nothing and tie nothing. */
const without = (group, message, allowTypeImports = false) => ({
  '@typescript-eslint/no-restricted-imports': [
    'error',
    { patterns: [{ group, message, allowTypeImports }] }
  ]
});

export default [
  {
    files: ['src/**/*.ts', 'src/**/*.tsx'],
    languageOptions: { parser, parserOptions: { ecmaFeatures: { jsx: true } } },
    plugins: { '@typescript-eslint': typescript },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-restricted-imports': ['error', { paths: ['./index', '../index'] }],
      curly: 'error',
      eqeqeq: 'error',
      'max-lines': ['error', 400],
      'prefer-const': 'error'
    }
  },
  {
    files: ['src/tokens.ts'],
    rules: without(['./*', '../*'], 'tokens.ts is the bottom: it imports nothing local.')
  },
  {
    files: ['src/reducer.ts', 'src/state.ts', 'src/stream.ts', 'src/blocks.ts', 'src/calls.ts'],
    rules: without(['@jupyterlab/*', 'react', './components/*'], 'This module is pure.', true)
  },
  {
    files: ['src/components/**'],
    rules: without(
      [
        '**/request',
        '**/session',
        '**/sessions',
        '**/page',
        '**/plugins/*',
        '@jupyterlab/services'
      ],
      'Components get an IAgentSession and callbacks; they know no service and no address.'
    )
  }
];
