import { describe, expect, it } from '@jest/globals';
import type { Namespace } from '../../api/core/v1/namespace.ts';
import type { Node } from '../../api/core/v1/node.ts';
import type { Pod, PodSpec } from '../../api/core/v1/pod.ts';
import type { ClusterEvent } from '../cluster-event.ts';
import type { Cycle } from '../framework.ts';
import { cycleOf, listerOf, nodeOf, podOf } from '../objects-for-tests.ts';
import type { InterPodAffinityArgs } from '../plugin-args.ts';
import { podInfoOf } from '../pod-info.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';

type PodAffinity = NonNullable<NonNullable<PodSpec['affinity']>['podAffinity']>;
type Term = NonNullable<PodAffinity['requiredDuringSchedulingIgnoredDuringExecution']>[number];

const AFFINITY = "node(s) didn't match pod affinity rules";
const ANTI = "node(s) didn't match pod anti-affinity rules";
const HOSTILE = "node(s) didn't satisfy existing pods anti-affinity rules";

const namespaceOf = (name: string, labels: Record<string, string>): Namespace => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});
const NAMESPACES = listerOf([namespaceOf('default', { team: 'a' }), namespaceOf('other', { team: 'b' })]);
const plugin = interPodAffinity(NAMESPACES);

/** Pods of this app in the same zone. */
const near = (app: string, facts: Partial<Term> = {}): Term => ({
  topologyKey: 'zone',
  labelSelector: { matchLabels: { app } },
  ...facts,
});
const needs = (...terms: Term[]): Partial<PodSpec> => ({
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const avoids = (...terms: Term[]): Partial<PodSpec> => ({
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const weighted = (weight: number, podAffinityTerm: Term) => ({ weight, podAffinityTerm });
const likes = (weight: number, term: Term): Partial<PodSpec> => ({
  affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [weighted(weight, term)] } },
});
const dislikes = (weight: number, term: Term): Partial<PodSpec> => ({
  affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [weighted(weight, term)] } },
});

let serial = 0;
function pod(app: string, spec: Partial<PodSpec> = {}, namespace = 'default'): Pod {
  const one = podOf(`${app}-${serial++}`, { labels: { app }, spec });
  return { ...one, metadata: { ...one.metadata, namespace } };
}

/** Nodes a and b in zone z1, c in z2, d in none. */
const NODES: Node[] = [
  nodeOf('a', { labels: { zone: 'z1', host: 'a' } }),
  nodeOf('b', { labels: { zone: 'z1', host: 'b' } }),
  nodeOf('c', { labels: { zone: 'z2', host: 'c' } }),
  nodeOf('d', { labels: { host: 'd' } }),
];

function verdictsIn(cycle: Cycle): Record<string, string> {
  const entries = cycle.snapshot.nodes.map((node) => [node.name, plugin.filter!(cycle, node)?.reasons.join() ?? '']);
  return Object.fromEntries(entries.sort()) as Record<string, string>;
}

function verdicts(waiting: Pod, present: Record<string, Pod[]>): Record<string, string> | 'skip' {
  const cycle = cycleOf(waiting, NODES, present);
  return plugin.preFilter!(cycle).type === 'skip' ? 'skip' : verdictsIn(cycle);
}

const all = (reason: string) => ({ a: reason, b: reason, c: reason, d: reason });

describe('InterPodAffinity, filter [S4]', () => {
  it.each<[string, Pod, Record<string, Pod[]>, Record<string, string> | 'skip']>([
    ['skips pods that nobody minds', pod('x'), { a: [pod('y', avoids(near('z')))] }, 'skip'],
    ['skips preferences', pod('x', likes(1, near('y'))), { a: [pod('y')] }, 'skip'],
    [
      'goes where needed pods are',
      pod('x', needs(near('y'))),
      { a: [pod('y')] },
      { a: '', b: '', c: AFFINITY, d: AFFINITY },
    ],
    ['finds nobody', pod('x', needs(near('y'))), { a: [pod('x')] }, all(AFFINITY)],
    [
      'needs one pod that matches all terms',
      pod('x', needs(near('y'), near('y', { topologyKey: 'host' }))),
      { a: [pod('y')] },
      { a: '', b: AFFINITY, c: AFFINITY, d: AFFINITY },
    ],
    [
      'is not content with a pod for each term',
      pod('x', needs(near('y'), near('z'))),
      { a: [pod('y'), pod('z')] },
      all(AFFINITY),
    ],
    ['may be the first of its group', pod('x', needs(near('x'))), {}, { a: '', b: '', c: '', d: AFFINITY }],
    [
      'is the first when the others count nowhere',
      pod('x', needs(near('x'))),
      { d: [pod('x')] },
      { a: '', b: '', c: '', d: AFFINITY },
    ],
    [
      'is the first no more when there is one',
      pod('x', needs(near('x'))),
      { c: [pod('x')] },
      { a: AFFINITY, b: AFFINITY, c: '', d: AFFINITY },
    ],
    ['avoids pods', pod('x', avoids(near('y'))), { a: [pod('y')] }, { a: ANTI, b: ANTI, c: '', d: '' }],
    [
      'avoids pods by any term',
      pod('x', avoids(near('y'), near('z', { topologyKey: 'host' }))),
      { a: [pod('y')], c: [pod('z')] },
      { a: ANTI, b: ANTI, c: ANTI, d: '' },
    ],
    ['is avoided', pod('x'), { b: [pod('y', avoids(near('x')))] }, { a: HOSTILE, b: HOSTILE, c: '', d: '' }],
    [
      'is avoided by more than one, by different keys',
      pod('x'),
      { b: [pod('y', avoids(near('x')))], c: [pod('y', avoids(near('x', { topologyKey: 'host' })))] },
      { a: HOSTILE, b: HOSTILE, c: HOSTILE, d: '' },
    ],
    [
      'minds its own namespace only',
      pod('x', avoids(near('y'))),
      { a: [pod('y', {}, 'other')] },
      { a: '', b: '', c: '', d: '' },
    ],
    [
      'minds namespaces by name',
      pod('x', avoids(near('y', { namespaces: ['other'] }))),
      { a: [pod('y', {}, 'other')], c: [pod('y')] },
      { a: ANTI, b: ANTI, c: '', d: '' },
    ],
    [
      'minds namespaces by labels',
      pod('x', needs(near('y', { namespaceSelector: { matchLabels: { team: 'b' } } }))),
      { a: [pod('y')], c: [pod('y', {}, 'other')] },
      { a: AFFINITY, b: AFFINITY, c: '', d: AFFINITY },
    ],
    [
      'minds all namespaces by {}',
      pod('x', avoids(near('y', { namespaceSelector: {} }))),
      { c: [pod('y', {}, 'nowhere')] },
      { a: '', b: '', c: ANTI, d: '' },
    ],
    [
      'is avoided by the labels of its namespace',
      pod('x'),
      {
        a: [pod('y', avoids(near('x', { namespaceSelector: { matchLabels: { team: 'a' } } })), 'other')],
        c: [pod('y', avoids(near('x', { namespaceSelector: { matchLabels: { team: 'b' } } })), 'other')],
      },
      { a: HOSTILE, b: HOSTILE, c: '', d: '' },
    ],
  ])('%s', (_name, waiting, present, expected) => {
    expect(verdicts(waiting, present)).toEqual(expected);
  });

  it('names its own reasons first: affinity, anti-affinity, that of others', () => {
    const both = { ...needs(near('y')).affinity, ...avoids(near('z')).affinity };
    const waiting = pod('x', { affinity: both });
    const enemy = pod('z', avoids(near('x')));
    expect(verdicts(waiting, { a: [pod('y'), enemy] })).toEqual({ a: ANTI, b: ANTI, c: AFFINITY, d: AFFINITY });
  });

  it('says when other pods would have to go, and when that would not help', () => {
    const codeOf = (waiting: Pod, present: Record<string, Pod[]>) => {
      const cycle = cycleOf(waiting, NODES, present);
      plugin.preFilter!(cycle);
      return plugin.filter!(cycle, cycle.snapshot.get('a')!)?.code;
    };
    expect(codeOf(pod('x', needs(near('y'))), {})).toBe('UnschedulableAndUnresolvable');
    expect(codeOf(pod('x', avoids(near('y'))), { a: [pod('y')] })).toBe('Unschedulable');
    expect(codeOf(pod('x'), { a: [pod('y', avoids(near('x')))] })).toBe('Unschedulable');
  });

  it('follows pods that preemption takes away and puts back', () => {
    const enemy = podInfoOf(pod('y', avoids(near('x'))));
    const friend = podInfoOf(pod('x'));
    const waiting = pod('x', { affinity: { ...needs(near('x')).affinity, ...avoids(near('y')).affinity } });
    const cycle = cycleOf(waiting, NODES, { a: [enemy.pod, friend.pod] });
    plugin.preFilter!(cycle);
    const a = cycle.snapshot.get('a')!;
    expect(verdictsIn(cycle)).toEqual({ a: ANTI, b: ANTI, c: AFFINITY, d: AFFINITY });
    const what = { ...cycle, state: cycle.state.clone() };
    plugin.removePod!(what, enemy, a);
    expect(verdictsIn(what)).toEqual({ a: '', b: '', c: AFFINITY, d: AFFINITY });
    plugin.removePod!(what, friend, a);
    // Nobody is left: it would be the first.
    expect(verdictsIn(what)).toEqual({ a: '', b: '', c: '', d: AFFINITY });
    plugin.addPod!(what, enemy, cycle.snapshot.get('c')!);
    expect(verdictsIn(what)).toEqual({ a: '', b: '', c: ANTI, d: AFFINITY });
    plugin.addPod!(what, podInfoOf(pod('v', avoids(near('x', { topologyKey: 'host' })))), a);
    expect(verdictsIn(what)).toEqual({ a: HOSTILE, b: '', c: ANTI, d: AFFINITY });
    expect(verdictsIn(cycle)).toEqual({ a: ANTI, b: ANTI, c: AFFINITY, d: AFFINITY });
  });

  it('takes no inherited property for a label', () => {
    const waiting = pod('x', needs(near('y', { topologyKey: 'constructor' })));
    expect(verdicts(waiting, { a: [pod('y')] })).toEqual(all(AFFINITY));
  });
});

function scores(waiting: Pod, present: Record<string, Pod[]>, args?: InterPodAffinityArgs) {
  const own = interPodAffinity(NAMESPACES, args);
  const cycle = cycleOf(waiting, NODES, present);
  const nodes = cycle.snapshot.nodes;
  if (own.preScore!(cycle, nodes) === 'skip') return 'skip';
  const values = nodes.map((node) => own.score!(cycle, node));
  const raw = [...values];
  own.normalizeScore!(cycle, values);
  const named = (list: number[]) => Object.fromEntries(nodes.map(({ name }, i) => [name, list[i]]));
  return { raw: named(raw), normalized: named(values) };
}

describe('InterPodAffinity, score [S4]', () => {
  it.each<[string, Pod, Record<string, Pod[]>, Record<string, number> | 'skip', InterPodAffinityArgs?]>([
    ['nothing', pod('x'), { a: [pod('y')] }, 'skip'],
    ['pods that it likes', pod('x', likes(5, near('y'))), { a: [pod('y'), pod('y')] }, { a: 10, b: 10, c: 0, d: 0 }],
    ['pods that it dislikes', pod('x', dislikes(5, near('y'))), { c: [pod('y')] }, { a: 0, b: 0, c: -5, d: 0 }],
    ['pods that like it', pod('x'), { a: [pod('y', likes(7, near('x')))] }, { a: 7, b: 7, c: 0, d: 0 }],
    ['pods that dislike it', pod('x'), { a: [pod('y', dislikes(7, near('x')))] }, { a: -7, b: -7, c: 0, d: 0 }],
    ['pods that need it', pod('x'), { c: [pod('y', needs(near('x')))] }, { a: 0, b: 0, c: 1, d: 0 }],
    [
      'them more',
      pod('x'),
      { c: [pod('y', needs(near('x')))] },
      { a: 0, b: 0, c: 9, d: 0 },
      { hardPodAffinityWeight: 9 },
    ],
    ['or not at all', pod('x'), { c: [pod('y', needs(near('x')))] }, 'skip', { hardPodAffinityWeight: 0 }],
    [
      'both ways at once',
      pod('x', likes(5, near('y', { topologyKey: 'host' }))),
      { a: [pod('y', likes(2, near('x')))] },
      { a: 7, b: 2, c: 0, d: 0 },
    ],
    [
      'no wishes of others',
      pod('x'),
      { a: [pod('y', likes(7, near('x')))] },
      'skip',
      { ignorePreferredTermsOfExistingPods: true },
    ],
    [
      'wishes of others beside its own',
      pod('x', likes(5, near('y'))),
      { a: [pod('y', likes(2, near('x')))] },
      { a: 7, b: 7, c: 0, d: 0 },
      { ignorePreferredTermsOfExistingPods: true },
    ],
  ])('counts %s', (_name, waiting, present, expected, args = {}) => {
    const found = scores(waiting, present, args);
    expect(found === 'skip' ? found : found.raw).toEqual(expected);
  });

  it('brings the scores into the common range', () => {
    const waiting = pod('x', dislikes(5, near('y', { topologyKey: 'host' })));
    const found = scores(waiting, { a: [pod('y')], b: [pod('y'), pod('y'), pod('y')] });
    expect(found).toMatchObject({ normalized: { a: 66, b: 0, c: 100, d: 100 } });
  });
});

describe('InterPodAffinity, hints [S10]', () => {
  const needy = pod('x', needs(near('y')));
  const shy = pod('x', avoids(near('y')));
  const social = pod('x', needs(near('x')));
  const plain = pod('x');
  const [a, c, d] = [NODES[0]!, NODES[2]!, NODES[3]!];
  it.each<[string, Pod, ClusterEvent, boolean]>([
    ['a needed pod comes', needy, { name: 'AssignedPodAdd', pod: pod('y') }, true],
    ['another comes', needy, { name: 'AssignedPodAdd', pod: pod('z') }, false],
    ['a pod comes to a new namespace', needy, { name: 'AssignedPodAdd', pod: pod('z', {}, 'new') }, true],
    ['a pod comes that is avoided', shy, { name: 'AssignedPodAdd', pod: pod('y') }, false],
    ['an avoided pod goes', shy, { name: 'AssignedPodDelete', pod: pod('y') }, true],
    ['another goes', shy, { name: 'AssignedPodDelete', pod: pod('z') }, false],
    ['a pod goes that avoided it', plain, { name: 'AssignedPodDelete', pod: pod('z', avoids(near('x'))) }, true],
    ['a needed pod goes', needy, { name: 'AssignedPodDelete', pod: pod('y') }, false],
    ['one of its own group goes', social, { name: 'AssignedPodDelete', pod: pod('x') }, true],
    ['another than of its group goes', social, { name: 'AssignedPodDelete', pod: pod('y') }, false],
    ['one leaves its group', social, { name: 'AssignedPodUpdateLabel', pod: pod('y'), previous: pod('x') }, true],
    ['one stays in it', social, { name: 'AssignedPodUpdateLabel', pod: pod('x'), previous: pod('x') }, false],
    [
      'a needed pod is one no more',
      needy,
      { name: 'AssignedPodUpdateLabel', pod: pod('z'), previous: pod('y') },
      false,
    ],
    ['a pod becomes a needed one', needy, { name: 'AssignedPodUpdateLabel', pod: pod('y'), previous: pod('z') }, true],
    ['it was one', needy, { name: 'AssignedPodUpdateLabel', pod: pod('y'), previous: pod('y') }, false],
    ['a pod is no longer avoided', shy, { name: 'AssignedPodUpdateLabel', pod: pod('z'), previous: pod('y') }, true],
    ['it is now', shy, { name: 'AssignedPodUpdateLabel', pod: pod('y'), previous: pod('z') }, false],
    ['its own labels change', plain, { name: 'PodUpdateLabel', pod: plain, previous: pod('z') }, true],
    ['a node with the needed label comes', needy, { name: 'NodeAdd', node: a }, true],
    ['a node without it comes', needy, { name: 'NodeAdd', node: d }, false],
    ['any node comes for one that avoids', shy, { name: 'NodeAdd', node: d }, true],
    ['a node changes its domain', shy, { name: 'NodeUpdateLabel', node: a, previous: c }, true],
    ['a node changes other labels', shy, { name: 'NodeUpdateLabel', node: a, previous: NODES[1]! }, false],
    ['a node changes any for one that is avoided', plain, { name: 'NodeUpdateLabel', node: a, previous: c }, true],
  ])('when %s', (_name, waiting, event, expected) => {
    expect(plugin.events).toContain(event.name);
    expect(plugin.queueingHint!(podInfoOf(waiting), event)).toBe(expected);
  });
});
