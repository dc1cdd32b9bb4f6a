import { describe, expect, it } from '@jest/globals';
import type { PodSpec } from '../../api/core/v1/pod.ts';
import { cycleOf, nodeOf, onlyNode, podOf } from '../objects-for-tests.ts';
import { podInfoOf } from '../pod-info.ts';
import { nodeAffinity as nodeAffinityWith } from './node-affinity.ts';

const nodeAffinity = nodeAffinityWith();

type Requirement = { key: string; operator: string; values?: string[] };
type Term = { matchExpressions?: Requirement[]; matchFields?: Requirement[] };

const MISMATCH = ["node(s) didn't match Pod's node affinity/selector"];
const on = (key: string, operator: string, ...values: string[]): Term => ({
  matchExpressions: [{ key, operator, values }],
});
const named = (operator: string, ...values: string[]): Term => ({
  matchFields: [{ key: 'metadata.name', operator, values }],
});

function required(...nodeSelectorTerms: Term[]): Partial<PodSpec> {
  return { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } };
}

function preferred(...preferences: [number, Term][]): Partial<PodSpec> {
  const list = preferences.map(([weight, preference]) => ({ weight, preference }));
  return { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: list } } };
}

const LABELS = { disk: 'ssd', cores: '8' };

describe('NodeAffinity [S3]', () => {
  it.each<[string, Partial<PodSpec>, string[] | undefined]>([
    ['a matching nodeSelector', { nodeSelector: { disk: 'ssd' } }, undefined],
    ['another nodeSelector', { nodeSelector: { disk: 'hdd' } }, MISMATCH],
    ['a nodeSelector of an absent label', { nodeSelector: { constructor: 'x' } }, MISMATCH],
    ['In', required(on('disk', 'In', 'hdd', 'ssd')), undefined],
    ['In without the value', required(on('disk', 'In', 'hdd')), MISMATCH],
    ['NotIn', required(on('disk', 'NotIn', 'ssd')), MISMATCH],
    ['NotIn of an absent label', required(on('gpu', 'NotIn', 'x')), undefined],
    ['Exists', required(on('disk', 'Exists')), undefined],
    ['DoesNotExist', required(on('disk', 'DoesNotExist')), MISMATCH],
    ['Gt', required(on('cores', 'Gt', '7')), undefined],
    ['Gt of the same number', required(on('cores', 'Gt', '8')), MISMATCH],
    ['Lt', required(on('cores', 'Lt', '9')), undefined],
    ['Gt of no number', required(on('cores', 'Gt', 'many')), MISMATCH],
    ['Gt of a label that is no number', required(on('disk', 'Gt', '1')), MISMATCH],
    ['an unknown operator', required(on('disk', 'Like', 'ssd')), MISMATCH],
    ['an unreadable term beside a matching one', required(on('cores', 'Gt', 'many'), on('disk', 'Exists')), undefined],
    ['an empty term', required({}), MISMATCH],
    ['no terms', required(), MISMATCH],
    ['its name', required(named('In', 'n1')), undefined],
    ['another name', required(named('NotIn', 'n1')), MISMATCH],
    ['its name and another label', required({ ...named('In', 'n1'), ...on('disk', 'In', 'hdd') }), MISMATCH],
    ['terms of which one matches', required(on('disk', 'In', 'hdd'), on('cores', 'In', '8')), undefined],
    [
      'a matching nodeSelector and another affinity',
      { nodeSelector: { disk: 'ssd' }, ...required(on('gpu', 'Exists')) },
      MISMATCH,
    ],
  ])('filters a node by %s', (_name, spec, reasons) => {
    const cycle = cycleOf(podOf('p', { spec }), [nodeOf('n1', { labels: LABELS })]);
    expect(nodeAffinity.preFilter!(cycle).type).toBe('continue');
    expect(nodeAffinity.filter!(cycle, onlyNode(cycle))?.reasons).toEqual(reasons);
  });

  it.each<[string, Partial<PodSpec>, unknown]>([
    ['nothing', {}, { type: 'skip' }],
    ['preferences only', preferred([1, on('disk', 'Exists')]), { type: 'skip' }],
    ['names', required(named('In', 'n1'), named('In', 'n2')), { type: 'continue', nodeNames: new Set(['n1', 'n2']) }],
    ['names or labels', required(named('In', 'n1'), on('disk', 'Exists')), { type: 'continue' }],
    [
      'two names at once',
      required({ matchFields: [...named('In', 'n1').matchFields!, ...named('In', 'n2').matchFields!] }),
      { type: 'reject', rejection: { code: 'UnschedulableAndUnresolvable', reasons: ['pod affinity terms conflict'] } },
    ],
  ])('prepares for a pod that asks for %s', (_name, spec, expected) => {
    expect(nodeAffinity.preFilter!(cycleOf(podOf('p', { spec }), []))).toEqual(expected);
  });

  it('adds up the weights of the preferences that a node meets', () => {
    const spec = preferred(
      [2, on('disk', 'In', 'ssd')],
      [6, on('cores', 'Gt', '4')],
      [0, on('disk', 'Exists')],
      [50, {}],
    );
    const nodes = [nodeOf('n1', { labels: LABELS }), nodeOf('n2', { labels: { disk: 'ssd' } }), nodeOf('n3')];
    const cycle = cycleOf(podOf('p', { spec }), nodes);
    expect(nodeAffinity.preScore!(cycle, cycle.snapshot.nodes)).toBeUndefined();
    const scores = cycle.snapshot.nodes.map((node) => nodeAffinity.score!(cycle, node));
    expect(scores).toEqual([8, 2, 0]);
    nodeAffinity.normalizeScore!(cycle, scores);
    expect(scores).toEqual([100, 25, 0]);
  });

  it('has hope only when a node comes to match', () => {
    const info = podInfoOf(podOf('p', { spec: { nodeSelector: { disk: 'ssd' } } }));
    const [with_, without] = [nodeOf('n', { labels: LABELS }), nodeOf('n')];
    const hint = nodeAffinity.queueingHint!;
    expect(hint(info, { name: 'NodeUpdateLabel', node: with_, previous: without })).toBe(true);
    expect(hint(info, { name: 'NodeUpdateLabel', node: without, previous: with_ })).toBe(false);
    expect(hint(info, { name: 'NodeAdd', node: without })).toBe(false);
  });

  it('enforces the affinity that the profile adds, and adds its preferences', () => {
    const { affinity } = required(on('disk', 'In', 'ssd'));
    const { affinity: soft } = preferred([5, on('cores', 'Exists')]);
    const plugin = nodeAffinityWith({ addedAffinity: { ...affinity!.nodeAffinity, ...soft!.nodeAffinity } });
    const nodes = [nodeOf('n1', { labels: LABELS }), nodeOf('n2', { labels: { disk: 'hdd' } })];
    const cycle = cycleOf(podOf('p', { spec: required(on('cores', 'Exists')) }), nodes);
    expect(plugin.preFilter!(cycle)).toEqual({ type: 'continue' });
    expect(cycle.snapshot.nodes.map((node) => plugin.filter!(cycle, node))).toEqual([
      undefined,
      {
        code: 'UnschedulableAndUnresolvable',
        reasons: ["node(s) didn't match scheduler-enforced node affinity"],
      },
    ]);
    expect(plugin.preScore!(cycle, cycle.snapshot.nodes)).toBeUndefined();
    expect(cycle.snapshot.nodes.map((node) => plugin.score!(cycle, node))).toEqual([5, 0]);
    const plain = podInfoOf(podOf('q'));
    const [ssd, hdd] = [nodes[0]!, nodes[1]!];
    expect(plugin.queueingHint!(plain, { name: 'NodeAdd', node: ssd })).toBe(true);
    expect(plugin.queueingHint!(plain, { name: 'NodeAdd', node: hdd })).toBe(false);
    expect(plugin.queueingHint!(plain, { name: 'NodeUpdateLabel', node: ssd, previous: hdd })).toBe(true);
    expect(plugin.queueingHint!(plain, { name: 'NodeUpdateLabel', node: ssd, previous: ssd })).toBe(false);
  });
});
