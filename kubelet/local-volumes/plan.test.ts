import { describe, expect, it } from '@jest/globals';
import type { Node } from '../../api/core/v1/node.ts';
import { chooseNode, isAllowed } from './plan.ts';

const anyClass = { metadata: { name: 'c' }, provisioner: 'nocher.io/local' };
const node = (name: string, { ready = true, taint = false, zone = 'a' } = {}): Node => ({
  metadata: { name, labels: { zone } },
  spec: taint ? { taints: [{ key: 'k', effect: 'NoSchedule' }] } : {},
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const none = (): number => 0;

describe('chooseNode()', () => {
  it('prefers nodes where pods can go, then the emptiest, then the first by name', () => {
    const all = [node('d', { ready: false }), node('c', { taint: true }), node('b'), node('a')];
    expect(chooseNode(all, anyClass, none)?.metadata.name).toBe('a');
    expect(chooseNode(all, anyClass, (name) => (name === 'a' ? 1 : 0))?.metadata.name).toBe('b');
    expect(chooseNode(all.slice(0, 2), anyClass, none)?.metadata.name).toBe('c');
    expect(chooseNode(all.slice(0, 1), anyClass, none)?.metadata.name).toBe('d');
    expect(chooseNode([], anyClass, none)).toBeUndefined();
  });

  it('goes by the topologies that the class allows', () => {
    const inB = { ...anyClass, allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: ['b', 'c'] }] }] };
    expect(chooseNode([node('a'), node('z', { zone: 'b' })], inB, none)?.metadata.name).toBe('z');
    expect(isAllowed(node('a'), inB)).toBe(false);
    expect(isAllowed(node('a'), { ...inB, allowedTopologies: [{}] })).toBe(true);
  });
});
