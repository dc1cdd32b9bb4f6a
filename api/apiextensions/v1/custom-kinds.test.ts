import { describe, expect, it } from '@jest/globals';
import { customKindsOf } from './custom-kinds.ts';
import type { CustomResourceDefinition } from './types.ts';

function definition(...versions: string[]): CustomResourceDefinition {
  return {
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'tabs', kind: 'Tab' },
      versions: versions.map((text) => {
        const [name = '', ...marks] = text.split(' ');
        return { name, served: !marks.includes('unserved'), storage: marks.includes('storage') };
      }),
    },
    status: { conditions: [{ type: 'Established', status: 'True' }] },
  } as unknown as CustomResourceDefinition;
}

describe('the versions of a custom kind', () => {
  it('begin with that of storage, then go by priority', () => {
    const kinds = customKindsOf(definition('v1beta1 storage', 'v1alpha1', 'v2', 'v1'));
    expect(kinds.map(({ version }) => version)).toEqual(['v1beta1', 'v2', 'v1', 'v1alpha1']);
  });

  it('begin with the preferred one where that of storage is not served', () => {
    const kinds = customKindsOf(definition('v1beta1 storage unserved', 'v1alpha1', 'v1'));
    expect(kinds.map(({ version }) => version)).toEqual(['v1', 'v1alpha1']);
  });
});
