import { describe, expect, it } from '@jest/globals';
import type { PodSpec } from '../api/core/v1/pod.ts';
import { podOf } from './objects-for-tests.ts';
import { podAffinityOf, termMatches } from './pod-affinity.ts';

type Affinity = NonNullable<PodSpec['affinity']>;
type Term = NonNullable<NonNullable<Affinity['podAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']>[number];

const termOf = (term: Partial<Term>) =>
  podAffinityOf(
    podOf('p', {
      spec: {
        affinity: {
          podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', ...term }] },
        },
      },
    }),
  )!.required[0]!;

const WEB = { matchLabels: { app: 'web' } };

function inNamespace(namespace: string, labels: Record<string, string>) {
  const pod = podOf('q', { labels });
  return { ...pod, metadata: { ...pod.metadata, namespace } };
}

describe('podAffinityOf()', () => {
  it('is nothing for a pod without, and tells the four kinds apart', () => {
    expect(podAffinityOf(podOf('p'))).toBeUndefined();
    expect(podAffinityOf(podOf('p', { spec: { affinity: { nodeAffinity: {} } } }))).toBeUndefined();
    const term = { topologyKey: 'zone', labelSelector: WEB };
    const both = {
      requiredDuringSchedulingIgnoredDuringExecution: [term],
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 7, podAffinityTerm: term }],
    };
    const terms = podAffinityOf(podOf('p', { spec: { affinity: { podAffinity: {}, podAntiAffinity: both } } }))!;
    expect([terms.required.length, terms.requiredAnti.length]).toEqual([0, 1]);
    expect([terms.preferred.length, terms.preferredAnti.map(({ weight }) => weight)]).toEqual([0, [7]]);
  });
});

describe('termMatches()', () => {
  const labels = { team: 'a' };
  it.each<[string, Partial<Term>, [string, Record<string, string>, Record<string, string>?], boolean]>([
    ['the own namespace unless told otherwise', { labelSelector: WEB }, ['default', { app: 'web' }], true],
    ['no other namespace', { labelSelector: WEB }, ['other', { app: 'web' }], false],
    ['a named namespace', { labelSelector: WEB, namespaces: ['other'] }, ['other', { app: 'web' }], true],
    ['not the own one beside', { labelSelector: WEB, namespaces: ['other'] }, ['default', { app: 'web' }], false],
    [
      'a namespace chosen by labels',
      { labelSelector: WEB, namespaceSelector: { matchLabels: labels } },
      ['other', { app: 'web' }, labels],
      true,
    ],
    [
      'none of other labels',
      { labelSelector: WEB, namespaceSelector: { matchLabels: labels } },
      ['default', { app: 'web' }, { team: 'b' }],
      false,
    ],
    ['all namespaces by {}', { labelSelector: WEB, namespaceSelector: {} }, ['other', { app: 'web' }], true],
    ['all pods by {}', { labelSelector: {} }, ['default', {}], true],
    ['no pod without a selector', {}, ['default', { app: 'web' }], false],
    [
      'no pod by an unknown operator',
      { labelSelector: { matchExpressions: [{ key: 'app', operator: 'Like' }] } },
      ['default', { app: 'web' }],
      false,
    ],
  ])('matches %s', (_name, term, [namespace, podLabels, namespaceLabels = {}], expected) => {
    expect(termMatches(termOf(term), inNamespace(namespace, podLabels), namespaceLabels)).toBe(expected);
  });
});
