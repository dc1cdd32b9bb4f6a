import { describe, expect, it } from '@jest/globals';
import type { Model } from './model-text.ts';
import { withOlderModels } from './older.ts';

const field = (name: string, required = true) => ({ name, type: 'string', format: '', required, description: 'text' });
const models: Model[] = [{ name: 'V1A', description: 'An A.', fields: [field('a'), field('b'), field('c')] }];

describe('withOlderModels()', () => {
  it('changes what is said, and keeps the rest', () => {
    const older = {
      name: 'V0A',
      definition: 'x.V0A',
      like: 'V1A',
      without: ['a'],
      fields: { b: 'V1A', d: 'IntOrString' },
      optional: ['c'],
    };
    expect(withOlderModels(models, [older])).toEqual([
      ...models,
      {
        name: 'V0A',
        description: 'An A.',
        fields: [
          { ...field('b'), type: 'V1A' },
          field('c', false),
          { name: 'd', type: 'IntOrString', format: '', required: false, description: '' },
        ],
      },
    ]);
  });

  it('refuses to be like what is not there', () => {
    expect(() => withOlderModels(models, [{ name: 'V0B', definition: 'x', like: 'V1B' }])).toThrow('V0B is like V1B');
    const stale = { name: 'V0A', definition: 'x', like: 'V1A', without: ['z'] };
    expect(() => withOlderModels(models, [stale])).toThrow('V1A has no z, which V0A changes');
  });
});
