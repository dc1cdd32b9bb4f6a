import { describe, expect, it } from '@jest/globals';
import type { Node } from '../../api/core/v1/node.ts';
import type { Pod, PodSpec } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { ClusterEvent } from '../cluster-event.ts';
import type { Cycle } from '../framework.ts';
import { cycleOf, listerOf, nodeOf, podOf } from '../objects-for-tests.ts';
import type { PodTopologySpreadArgs } from '../plugin-args.ts';
import { podInfoOf } from '../pod-info.ts';
import { podTopologySpread } from './pod-topology-spread.ts';

type Constraint = NonNullable<PodSpec['topologySpreadConstraints']>[number];

const MISMATCH = "node(s) didn't match pod topology spread constraints";
const NO_LABEL = `${MISMATCH} (missing required label)`;
const WEB = { app: 'web' };

const none = { services: listerOf([]), replicationControllers: listerOf([]), replicaSets: listerOf([]), statefulSets: listerOf([]) }; // prettier-ignore
const plugin = podTopologySpread(none);

const hard = (facts: Partial<Constraint> = {}): Constraint => ({
  maxSkew: 1,
  topologyKey: 'zone',
  whenUnsatisfiable: 'DoNotSchedule',
  labelSelector: { matchLabels: WEB },
  ...facts,
});
const soft = (facts: Partial<Constraint> = {}): Constraint => hard({ whenUnsatisfiable: 'ScheduleAnyway', ...facts });
const spread = (...topologySpreadConstraints: Constraint[]): Partial<PodSpec> => ({ topologySpreadConstraints });
const web = (name: string, spec: Partial<PodSpec> = {}): Pod => podOf(name, { labels: WEB, spec });

/** `n1=z1:2` is node n1 in zone z1 with 2 web pods. A node without `=` has no zone. */
function clusterOf(text: string): { nodes: Node[]; present: Record<string, Pod[]> } {
  const nodes: Node[] = [];
  const present: Record<string, Pod[]> = {};
  for (const part of text.split(' ')) {
    const [, name, zone, count] = /^(\w+)(?:=(\w+))?(?::(\d+))?$/.exec(part)!;
    const labels = { 'kubernetes.io/hostname': name!, ...(zone === undefined ? {} : { zone }) };
    nodes.push(nodeOf(name!, { labels }));
    present[name!] = Array.from({ length: Number(count ?? 0) }, (_, i) => web(`${name}-${i}`));
  }
  return { nodes, present };
}

/** Reasons by node; `''` for nodes that fit. */
function verdicts(pod: Pod, cluster: string | Cycle): Record<string, string> {
  const { nodes, present } = clusterOf(typeof cluster === 'string' ? cluster : '_');
  const cycle = typeof cluster === 'string' ? cycleOf(pod, nodes, present) : cluster;
  expect(plugin.preFilter!(cycle)).toEqual({ type: 'continue' });
  return verdictsIn(cycle);
}

function verdictsIn(cycle: Cycle): Record<string, string> {
  const entries = cycle.snapshot.nodes.map((node) => [node.name, plugin.filter!(cycle, node)?.reasons.join() ?? '']);
  return Object.fromEntries(entries.sort()) as Record<string, string>;
}

describe('PodTopologySpread, filter [S5]', () => {
  it('has nothing to say to pods without hard constraints', () => {
    expect(plugin.preFilter!(cycleOf(web('p'), []))).toEqual({ type: 'skip' });
    expect(plugin.preFilter!(cycleOf(web('p', spread(soft())), []))).toEqual({ type: 'skip' });
  });

  it.each<[string, Constraint[], string, Record<string, string>]>([
    ['the emptiest domain', [hard()], 'a=z1:1 b=z2', { a: MISMATCH, b: '' }],
    ['any domain when all are equal', [hard()], 'a=z1:1 b=z2:1', { a: '', b: '' }],
    ['domains as a whole', [hard()], 'a=z1:1 b=z1 c=z2', { a: MISMATCH, b: MISMATCH, c: '' }],
    ['up to maxSkew', [hard({ maxSkew: 2 })], 'a=z1:1 b=z2 c=z3:2', { a: '', b: '', c: MISMATCH }],
    ['no node without the label', [hard()], 'a=z1 b', { a: '', b: NO_LABEL }],
    ['fewer domains than minDomains', [hard({ minDomains: 3 })], 'a=z1:1 b=z2:1', { a: MISMATCH, b: MISMATCH }],
    ['as many as minDomains', [hard({ minDomains: 2 })], 'a=z1:1 b=z2:1', { a: '', b: '' }],
    ['another selector', [hard({ labelSelector: { matchLabels: { app: 'db' } } })], 'a=z1:5 b=z2', { a: '', b: '' }],
    ['no selector', [hard({ labelSelector: undefined as never })], 'a=z1:5 b=z2', { a: '', b: '' }],
    ['an unknown operator', [hard({ labelSelector: { matchExpressions: [{ key: 'a', operator: 'X' }] } })], 'a=z1:5 b=z2', { a: '', b: '' }], // prettier-ignore
    [
      'two constraints',
      [hard(), hard({ topologyKey: 'kubernetes.io/hostname' })],
      'a=z1:1 b=z1 c=z2:1 d=z2',
      { a: MISMATCH, b: '', c: MISMATCH, d: '' },
    ],
  ])('allows %s', (_name, constraints, cluster, expected) => {
    expect(verdicts(web('p', spread(...constraints)), cluster)).toEqual(expected);
  });

  it('does not count the pod itself when its own constraint does not select it', () => {
    const pod = podOf('p', { labels: { app: 'other' }, spec: spread(hard()) });
    expect(verdicts(pod, 'a=z1:1 b=z2 c=z3:2')).toEqual({ a: '', b: '', c: MISMATCH });
  });

  it('does not count pods of other namespaces, nor those on their way out', () => {
    const { nodes } = clusterOf('a=z1 b=z2');
    const meta = web('q').metadata;
    const foreign = { ...web('q'), metadata: { ...meta, namespace: 'other' } };
    const leaving = { ...web('r'), metadata: { ...web('r').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    const cycle = cycleOf(web('p', spread(hard())), nodes, { a: [foreign, leaving] });
    expect(verdicts(cycle.pod, cycle)).toEqual({ a: '', b: '' });
  });

  it('counts by the values that the pod has for matchLabelKeys', () => {
    const { nodes } = clusterOf('a=z1 b=z2');
    const revision = (name: string, rev: string) => podOf(name, { labels: { ...WEB, rev } });
    const pod = { ...revision('p', '2'), spec: web('p', spread(hard({ matchLabelKeys: ['rev', 'none'] }))).spec };
    const cycle = cycleOf(pod, nodes, { a: [revision('q', '1')], b: [revision('r', '2')] });
    expect(verdicts(pod, cycle)).toEqual({ a: '', b: MISMATCH });
  });

  it.each<[string, Partial<Constraint>, Record<string, string>]>([
    ['by default those that the affinity allows', {}, { a: MISMATCH, b: '', c: '' }],
    ['all when it is ignored', { nodeAffinityPolicy: 'Ignore' }, { a: MISMATCH, b: MISMATCH, c: '' }],
    ['those whose taints are tolerated', { nodeTaintsPolicy: 'Honor' }, { a: '', b: '', c: '' }],
  ])('counts nodes: %s', (_name, facts, expected) => {
    const labels = (zone: string, pool: string) => ({ zone, pool });
    const taints = [{ key: 'k', effect: 'NoSchedule' }];
    const nodes = [
      nodeOf('a', { labels: labels('z1', 'x') }),
      nodeOf('b', { labels: labels('z2', 'x'), spec: { taints } }),
      nodeOf('c', { labels: labels('z3', 'y') }),
    ];
    const b = facts.nodeAffinityPolicy === 'Ignore' ? [web('b-0')] : [];
    const pod = web('p', { ...spread(hard(facts)), nodeSelector: { pool: 'x' } });
    const cycle = cycleOf(pod, nodes, { a: [web('a-0')], b });
    expect(verdicts(pod, cycle)).toEqual(expected);
  });

  it('says when other pods would have to go, and when that would not help', () => {
    const { nodes, present } = clusterOf('a=z1:1 b=z2 c');
    const cycle = cycleOf(web('p', spread(hard())), nodes, present);
    plugin.preFilter!(cycle);
    const codes = cycle.snapshot.nodes.map((node) => plugin.filter!(cycle, node)?.code);
    expect(codes).toEqual(['Unschedulable', undefined, 'UnschedulableAndUnresolvable']);
  });

  it('follows pods that preemption takes away and puts back', () => {
    const { nodes, present } = clusterOf('a=z1:2 b=z2:1 c=z3:1');
    const cycle = cycleOf(web('p', spread(hard())), nodes, present);
    plugin.preFilter!(cycle);
    const before = { a: MISMATCH, b: '', c: '' };
    expect(verdictsIn(cycle)).toEqual(before);
    const what = { ...cycle, state: cycle.state.clone() };
    const a = cycle.snapshot.get('a')!;
    const infos = [...a.pods.values()];
    plugin.removePod!(what, infos[0]!, a);
    expect(verdictsIn(what)).toEqual({ a: '', b: '', c: '' });
    plugin.removePod!(what, infos[1]!, a);
    expect(verdictsIn(what)).toEqual({ a: '', b: MISMATCH, c: MISMATCH });
    plugin.removePod!(what, podInfoOf(podOf('stranger')), a);
    const { metadata } = web('leaving');
    const leaving = { ...web('leaving'), metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    plugin.removePod!(what, podInfoOf(leaving), a);
    expect(verdictsIn(what)).toEqual({ a: '', b: MISMATCH, c: MISMATCH });
    plugin.addPod!(what, infos[0]!, a);
    plugin.addPod!(what, infos[1]!, a);
    expect(verdictsIn(what)).toEqual(before);
    expect(verdictsIn(cycle)).toEqual(before);
  });

  it('counts the same when asked again after pods and nodes have changed', () => {
    const pod = web('p', spread(hard()));
    expect(verdicts(pod, 'a=z1:1 b=z2')).toEqual({ a: MISMATCH, b: '' });
    expect(verdicts(pod, 'a=z1 b=z2:1')).toEqual({ a: '', b: MISMATCH });
  });
});

function scores(pod: Pod, cluster: string, args?: PodTopologySpreadArgs, services: Service[] = []) {
  const own = podTopologySpread({ ...none, services: listerOf(services) }, args);
  const { nodes, present } = clusterOf(cluster);
  const cycle = cycleOf(pod, nodes, present);
  const list = cycle.snapshot.nodes;
  if (own.preScore!(cycle, list) === 'skip') return 'skip';
  const values = list.map((node) => own.score!(cycle, node));
  own.normalizeScore!(cycle, values);
  return Object.fromEntries(list.map(({ name }, i) => [name, values[i]]).sort()) as Record<string, number>;
}

describe('PodTopologySpread, score [S5]', () => {
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: WEB },
  };
  it.each<[string, Constraint[], string, Record<string, number> | 'skip']>([
    ['nothing without soft constraints', [hard()], 'a=z1:1 b=z2', 'skip'],
    ['equals', [soft()], 'a=z1 b=z2', { a: 100, b: 100 }],
    // 1 * ln(4): 1; 0; (1 + 0 - 1) / 1
    ['the emptier domain', [soft()], 'a=z1:1 b=z2', { a: 0, b: 100 }],
    // ln(5) * 3, 1, 2 rounded: 5, 2, 3; the best gets (5 + 2 - 2) / 5
    ['in proportion', [soft()], 'a=z1:3 b=z2:1 c=z3:2', { a: 40, b: 100, c: 80 }],
    ['hosts', [soft({ topologyKey: 'kubernetes.io/hostname' })], 'a:4 b:2', { a: 50, b: 100 }],
    ['no node without the label', [soft()], 'a=z1:1 b=z2 c', { a: 0, b: 100, c: 0 }],
    // a maxSkew of 5 adds 4 to each
    ['less far apart by a larger maxSkew', [soft({ maxSkew: 5 })], 'a=z1:1 b=z2', { a: 80, b: 100 }],
  ])('favours %s', (_name, constraints, cluster, expected) => {
    expect(scores(web('p', spread(...constraints)), cluster)).toEqual(expected);
  });

  it('spreads pods of a Service over hosts and zones by default, on nodes without a zone too', () => {
    expect(scores(web('p'), 'a:1 b')).toBe('skip');
    const found = scores(web('p'), 'a:3 b', {}, [service]) as Record<string, number>;
    expect(found.b).toBe(100);
    expect(found.a).toBeLessThan(100);
  });

  it('takes the default constraints of the profile', () => {
    const list = { defaultingType: 'List' as const };
    expect(scores(web('p'), 'a:3 b', list, [service])).toBe('skip');
    const { labelSelector: _, ...constraint } = soft();
    const args = { ...list, defaultConstraints: [constraint] };
    expect(scores(web('p'), 'a=z1:1 b=z2 c', args, [service])).toEqual({ a: 0, b: 100, c: 0 });
    const strict = podTopologySpread({ ...none, services: listerOf([service]) }, {
      ...list,
      defaultConstraints: [{ ...constraint, whenUnsatisfiable: 'DoNotSchedule' }],
    }); // prettier-ignore
    const { nodes, present } = clusterOf('a=z1:1 b=z2');
    const cycle = cycleOf(web('p'), nodes, present);
    strict.preFilter!(cycle);
    expect(cycle.snapshot.nodes.map((node) => strict.filter!(cycle, node)?.reasons)).toEqual([[MISMATCH], undefined]);
    // Constraints of its own take their place.
    expect(strict.preFilter!(cycleOf(web('p', spread(soft())), nodes))).toEqual({ type: 'skip' });
  });
});

describe('PodTopologySpread, hints [S10]', () => {
  const pod = web('p', { ...spread(hard()), nodeSelector: { pool: 'x' } });
  const honoring = web('p', spread(hard({ nodeTaintsPolicy: 'Honor' })));
  const [zoned, moved, plain] = [{ zone: 'z1' }, { zone: 'z2' }, {}].map((labels) => nodeOf('n', { labels }));
  const tainted = nodeOf('n', { labels: { zone: 'z1' }, spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } });
  const pooled = nodeOf('n', { labels: { zone: 'z1', pool: 'x' } });
  const foreign = { ...web('q'), metadata: { ...web('q').metadata, namespace: 'other' } };
  it.each<[string, Pod, ClusterEvent, boolean]>([
    ['a counted pod comes', pod, { name: 'AssignedPodAdd', pod: web('q') }, true],
    ['a pod comes that does not count', pod, { name: 'AssignedPodAdd', pod: podOf('q') }, false],
    ['a counted pod goes', pod, { name: 'AssignedPodDelete', pod: web('q') }, true],
    ['a pod of another namespace goes', pod, { name: 'AssignedPodDelete', pod: foreign }, false],
    ['a pod begins to count', pod, { name: 'AssignedPodUpdateLabel', pod: web('q'), previous: podOf('q') }, true],
    ['a pod counts as before', pod, { name: 'AssignedPodUpdateLabel', pod: web('q'), previous: web('q') }, false],
    ['its own labels change', pod, { name: 'PodUpdateLabel', pod, previous: podOf('p') }, true],
    ['its tolerations do', pod, { name: 'PodUpdateToleration', pod, previous: pod }, false],
    ['they do and matter', honoring, { name: 'PodUpdateToleration', pod: honoring, previous: honoring }, true],
    ['a node of a domain comes', pod, { name: 'NodeAdd', node: zoned! }, true],
    ['a node of none comes', pod, { name: 'NodeAdd', node: plain! }, false],
    ['a node of a domain goes', pod, { name: 'NodeDelete', node: zoned! }, true],
    ['a node joins a domain', pod, { name: 'NodeUpdateLabel', node: zoned!, previous: plain! }, true],
    ['a node changes its domain', pod, { name: 'NodeUpdateLabel', node: zoned!, previous: moved! }, true],
    ['a node comes to count', pod, { name: 'NodeUpdateLabel', node: pooled, previous: zoned! }, true],
    ['a node stays as it was', pod, { name: 'NodeUpdateLabel', node: zoned!, previous: zoned! }, false],
    ['a taint goes', pod, { name: 'NodeUpdateTaint', node: zoned!, previous: tainted }, true],
  ])('when %s', (_name, waiting, event, expected) => {
    expect(plugin.events).toContain(event.name);
    expect(plugin.queueingHint!(podInfoOf(waiting), event)).toBe(expected);
  });
});
