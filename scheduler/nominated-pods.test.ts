import { describe, expect, it } from '@jest/globals';
import { NominatedPods } from './nominated-pods.ts';
import { podOf } from './objects-for-tests.ts';
import type { PodInfo } from './pod-info.ts';
import { podInfoOf } from './pod-info.ts';

const infoOf = (name: string, priority: number, nominatedNodeName?: string): PodInfo =>
  podInfoOf(podOf(name, { spec: { priority }, ...(nominatedNodeName && { status: { nominatedNodeName } }) }));
const names = (infos: readonly PodInfo[]): string[] => infos.map(({ pod }) => pod.metadata.name!);

describe('NominatedPods [S9]', () => {
  it('has each pod on one node, the latest', () => {
    const nominated = new NominatedPods();
    nominated.set(infoOf('a', 1), 'n1');
    nominated.set(infoOf('b', 1), 'n1');
    nominated.set(infoOf('a', 1), 'n2');
    expect([names(nominated.onNode('n1')), names(nominated.onNode('n2'))]).toEqual([['b'], ['a']]);
    nominated.set(infoOf('b', 1), '');
    nominated.delete('uid-a');
    nominated.delete('uid-unknown');
    expect([nominated.onNode('n1'), nominated.onNode('n2'), nominated.nodeOf('uid-a')]).toEqual([[], [], '']);
  });

  it('makes room for pods of the same or a higher priority, but not for the pod itself', () => {
    const nominated = new NominatedPods();
    for (const [name, priority] of Object.entries({ low: 1, same: 5, high: 9, self: 5 }))
      nominated.set(infoOf(name, priority), 'n1');
    expect(names(nominated.before(infoOf('self', 5), 'n1'))).toEqual(['same', 'high']);
    expect(nominated.before(infoOf('self', 5), 'n2')).toEqual([]);
  });

  it('keeps a nomination that the status does not tell yet, and ends one that it no longer tells', () => {
    const nominated = new NominatedPods();
    const plain = infoOf('a', 1);
    nominated.set(plain, 'n1');
    nominated.update(infoOf('a', 1), plain.pod);
    expect(nominated.nodeOf('uid-a')).toBe('n1');
    const told = infoOf('a', 1, 'n2');
    nominated.update(told, plain.pod);
    expect(nominated.nodeOf('uid-a')).toBe('n2');
    nominated.update(plain, told.pod);
    expect(nominated.nodeOf('uid-a')).toBe('');
  });
});
