import { describe, expect, it } from '@jest/globals';
import type { Node } from '../api/core/v1/node.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { Plugin } from '../scheduler/framework.ts';
import { cycleOf, nodeOf, podOf } from '../scheduler/objects-for-tests.ts';
import { nodeAffinity } from '../scheduler/plugins/node-affinity.ts';
import { nodeName } from '../scheduler/plugins/node-name.ts';
import { nodePorts } from '../scheduler/plugins/node-ports.ts';
import { nodeResourcesFit } from '../scheduler/plugins/node-resources-fit.ts';
import { nodeUnschedulable } from '../scheduler/plugins/node-unschedulable.ts';
import { taintToleration } from '../scheduler/plugins/taint-toleration.ts';
import { verdictsOf } from '../scheduler/verdicts.ts';
import { explain } from './why-text.ts';
import type { Explanation } from './why-text.ts';

const PLUGINS: readonly Plugin[] = [
  nodeUnschedulable,
  nodeName,
  taintToleration,
  nodeAffinity(),
  nodePorts,
  nodeResourcesFit(),
];

function explained(pod: Pod, nodes: Node[], present: Record<string, Pod[]> = {}): Explanation {
  return explain(pod, verdictsOf(cycleOf(pod, nodes, present), PLUGINS));
}

const small = (name: string, cpu = '1'): Node => nodeOf(name, { allocatable: { cpu, memory: '1Gi', pods: '110' } });

describe('nocher why', () => {
  it('says of each node everything that is in the way, and what would help', () => {
    const pod = podOf('web', {
      requests: { cpu: '1500m', memory: '2560Mi' },
      spec: { nodeSelector: { disk: 'ssd' }, containers: podOf('x').spec.containers! },
    });
    pod.spec.containers![0]!.resources = { requests: { cpu: '1500m', memory: '2560Mi' } };
    pod.spec.containers![0]!.ports = [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }];
    const taints = [
      { key: 'gpu', value: 'yes', effect: 'NoSchedule' as const },
      { key: 'soft', effect: 'PreferNoSchedule' as const },
    ];
    const user = podOf('proxy', {
      spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 80 }] }] },
    });
    const busy = podOf('busy', { requests: { cpu: '3' } });
    const { lines, isWell } = explained(
      pod,
      [
        nodeOf('n1', { labels: { disk: 'hdd' }, spec: { taints } }),
        nodeOf('n2', { labels: { disk: 'ssd' } }),
        nodeOf('n3', { spec: { unschedulable: true }, allocatable: { cpu: '1', memory: '16Gi', pods: '1' } }),
      ],
      { n2: [user, busy], n3: [podOf('other')] },
    );
    expect(isWell).toBe(false);
    expect(lines).toEqual([
      'pod default/web fits none of 3 node(s)',
      '  n1: add toleration gpu=yes:NoSchedule',
      '  n1: label disk is hdd, the pod wants ssd',
      '  n2: host port 80/TCP is taken by pod default/proxy',
      '  n2: needs 500m more cpu',
      '  n3: is cordoned: kubectl uncordon n3',
      '  n3: label disk=ssd missing',
      '  n3: too small: has 1 cpu in all, the pod asks for 1500m',
      '  n3: full: has 1 pods of 1',
    ]);
  });

  it('says where the pod would go, and what of affinity is not met', () => {
    const matchExpressions = [
      { key: 'zone', operator: 'In', values: ['a', 'b'] },
      { key: 'fast', operator: 'Exists' },
    ];
    const required = { nodeSelectorTerms: [{ matchExpressions }] };
    const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } };
    const nodes = [nodeOf('n1', { labels: { zone: 'a', fast: '' } }), nodeOf('n2', { labels: { zone: 'c' } })];
    expect(explained(podOf('web', { spec: { affinity } }), nodes)).toEqual({
      isWell: true,
      lines: [
        'pod default/web has no node yet and fits 1 of 2 node(s): the scheduler places it when it tries next',
        '  n1: fits',
        '  n2: node affinity wants zone In (a, b) and fast Exists',
      ],
    });
  });

  it('groups many nodes, and names what the nearest of a group needs', () => {
    const tainted = nodeOf('t', { spec: { taints: [{ key: 'k', effect: 'NoExecute' }] } });
    const nodes = [...Array.from({ length: 40 }, (_, i) => small(`n${i}`, i === 25 ? '2' : '1')), tainted];
    const pod = podOf('web', { requests: { cpu: '3', memory: '1536Mi' } });
    expect(explained(pod, nodes).lines).toEqual([
      'pod default/web fits none of 41 node(s)',
      '  40 node(s) (n0, n1, n2 and 37 more): Insufficient cpu, Insufficient memory',
      '    n25: too small: has 2 cpu in all, the pod asks for 3',
      '    n25: too small: has 1Gi memory in all, the pod asks for 1.5Gi',
      '  1 node(s) (t): node(s) had untolerated taint(s)',
      '    t: add toleration k:NoExecute',
    ]);
  });

  it('needs no verdicts of pods that have a node, are held back, or have no nodes to choose from', () => {
    const gated = podOf('web', { spec: { schedulingGates: [{ name: 'a.io/x' }, { name: 'b.io/y' }] } });
    expect(explain(podOf('web', { spec: { nodeName: 'n1' } }), undefined)).toEqual({
      isWell: true,
      lines: ['pod default/web is on node n1'],
    });
    expect(explain(gated, undefined)).toEqual({
      isWell: false,
      lines: ['pod default/web is held back until its scheduling gates are removed: a.io/x, b.io/y'],
    });
    const foreign = podOf('web', { spec: { schedulerName: 'theirs' } });
    expect(explain(foreign, { outright: [], nodes: [] }, { isOurs: false }).lines).toEqual([
      'pod default/web has no node: there are no nodes',
      'it is for the scheduler theirs; this is what the default plugins say',
    ]);
  });

  it('says what keeps the pod from every node, and which node it waits for', () => {
    const outright = (name: string): Plugin => ({
      name,
      preFilter: () => ({ type: 'reject', rejection: { code: 'Unschedulable', reasons: ['claim not found'] } }),
    });
    const pod = podOf('web', { status: { nominatedNodeName: 'n1' } });
    const plugins = [outright('Storage'), outright('Zone')];
    expect(explain(pod, verdictsOf(cycleOf(pod, [nodeOf('n1')]), plugins))).toEqual({
      isWell: false,
      lines: [
        'pod default/web fits none of 1 node(s)',
        'no node can do: claim not found',
        'is to have node n1: once pods of lower priority have left it, or its volumes are there',
      ],
    });
  });
});
