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
    expect(nominated.set(infoOf('a', 1), 'n1')).toBe(false);
    nominated.set(infoOf('b', 1), 'n1');
    expect(nominated.set(infoOf('b', 1), 'n1')).toBe(false);
    expect(nominated.set(infoOf('a', 1), 'n2')).toBe(true);
    expect([names(nominated.onNode('n1')), names(nominated.onNode('n2'))]).toEqual([['b'], ['a']]);
    expect(nominated.set(infoOf('b', 1), '')).toBe(true);
    expect(nominated.set(infoOf('b', 1), '')).toBe(false);
    expect(nominated.delete('uid-a')).toBe(true);
    expect(nominated.delete('uid-unknown')).toBe(false);
    expect([nominated.onNode('n1'), nominated.onNode('n2'), nominated.nodeOf('uid-a')]).toEqual([[], [], '']);
  });

  it('says whether a pod that has come to a node was nominated for another', () => {
    const nominated = new NominatedPods();
    for (const [has, givesUp] of [
      ['n1', false],
      ['n2', true],
    ] as const) {
      nominated.set(infoOf('a', 1), 'n1');
      expect(nominated.delete('uid-a', has)).toBe(givesUp);
    }
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
    expect(nominated.update(infoOf('a', 1), plain.pod)).toBe(false);
    expect(nominated.nodeOf('uid-a')).toBe('n1');
    const told = infoOf('a', 1, 'n2');
    expect(nominated.update(told, plain.pod)).toBe(true);
    expect(nominated.nodeOf('uid-a')).toBe('n2');
    nominated.update(plain, told.pod);
    expect(nominated.nodeOf('uid-a')).toBe('');
  });
});
