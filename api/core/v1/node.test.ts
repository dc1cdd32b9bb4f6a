import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { formatFieldError } from '../../machinery/field-error.ts';
import { nodes } from './node.ts';
import type { Node } from './node.ts';

const NODE = `
apiVersion: v1
kind: Node
metadata:
  name: node-1
  creationTimestamp: "2026-01-01T00:00:00Z"
  labels: { node-role.kubernetes.io/control-plane: "", kubernetes.io/role: worker }
spec: { podCIDR: 10.244.0.0/24 }
status:
  capacity: { cpu: 2000m, memory: 1024Ki, pods: "110" }
  conditions: [{ type: Ready, status: "True" }]
  addresses: [{ type: Hostname, address: node-1 }, { type: InternalIP, address: 192.168.0.1 }]
  nodeInfo: { kubeletVersion: v1.36.0, osImage: Debian }
`;

function read(yaml = NODE): Node {
  const node = parse(yaml) as Node;
  nodes.strategy.default!(node);
  return node;
}

const NOW = Date.parse('2026-01-05T02:00:00Z');
const row = (node: Node): unknown[] => nodes.additionalPrinterColumns.map(({ cell }) => cell(node, NOW));

describe('nodes.strategy.default()', () => {
  it('takes all capacity for allocatable and one CIDR for a list', () => {
    const { spec, status } = read();
    expect(spec).toEqual({ podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24'] });
    expect(status!.allocatable).toEqual({ cpu: '2', memory: '1Mi', pods: '110' });
    expect(status!.allocatable).not.toBe(status!.capacity);
    expect(status!.daemonEndpoints).toEqual({ kubeletEndpoint: { Port: 0 } });
    expect(status!.nodeInfo!.machineID).toBe('');
  });

  it('gives an empty node its spec and status', () => {
    const node = read('metadata: { name: n }');
    expect(node.spec).toEqual({});
    expect(nodes.strategy.validate!(node)).toEqual([]);
  });
});

describe('nodes.additionalPrinterColumns', () => {
  it('show a node as kubectl does', () => {
    expect(row(read())).toEqual([
      'Ready',
      'control-plane,worker',
      '4d2h',
      'v1.36.0',
      '192.168.0.1',
      '<none>',
      'Debian',
      '<unknown>',
      '<unknown>',
    ]);
  });

  it('say whether it is ready and takes pods', () => {
    const node = read();
    node.spec.unschedulable = true;
    node.status!.conditions![0]!.status = 'Unknown';
    expect(row(node)[0]).toBe('NotReady,SchedulingDisabled');
    expect(row(read('metadata: { name: n }')).slice(0, 4)).toEqual(['Unknown', '<none>', '<unknown>', '']);
  });
});

describe('nodes.strategy.validate()', () => {
  it('checks taints, CIDRs and amounts', () => {
    const node = read(`
metadata: { name: n }
spec:
  podCIDRs: [10.0.0.0/24, 10.0.1.0/24]
  taints: [{ key: a, effect: NoSchedule }, { key: a, effect: NoSchedule }, { key: b, value: "x y", effect: Never }]
status: { capacity: { pods: 1500m, cpu: -1 } }
`);
    expect(nodes.strategy.validate!(node).map(formatFieldError)).toEqual([
      'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
      expect.stringMatching(/^metadata.taints\[2\].value: Invalid value: "x y": a valid label must be/),
      'metadata.taints[2].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
      'status.capacity.pods: Invalid value: "1500m": must be an integer',
      'status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0',
      'status.allocatable.pods: Invalid value: "1500m": must be an integer',
      'status.allocatable.cpu: Invalid value: "-1": must be greater than or equal to 0',
      'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.1.0/24"]: may specify no more than one CIDR for each IP family',
    ]);
  });
});

describe('nodes.strategy.validateUpdate()', () => {
  const update = (change: (node: Node) => void): string[] => {
    const previous = read();
    previous.spec.providerID = 'test://1';
    const next = structuredClone(previous);
    change(next);
    return nodes.strategy.validateUpdate!(next, previous).map(formatFieldError);
  };

  it.each<[string, (node: Node) => void, string[]]>([
    ['taints', ({ spec }) => (spec.taints = [{ key: 'a', effect: 'NoExecute' }]), []],
    ['unschedulable', ({ spec }) => (spec.unschedulable = true), []],
    [
      'podCIDRs',
      ({ spec }) => (spec.podCIDRs = ['10.1.0.0/24']),
      ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
    ],
    [
      'providerID',
      ({ spec }) => (spec.providerID = 'test://2'),
      ['spec.providerID: Forbidden: node updates may not change providerID except from "" to valid'],
    ],
    ['externalID', ({ spec }) => (spec.externalID = 'x'), ['spec.externalID: Forbidden: may not be updated']],
    [
      'an address twice',
      ({ status }) => status!.addresses!.push(status!.addresses![0]!),
      ['status.addresses[2]: Duplicate value: {"Type":"Hostname","Address":"node-1"}'],
    ],
    [
      'configSource',
      ({ spec }) => (spec.configSource = {}),
      ['spec.configSource: Invalid value: {"ConfigMap":null}: exactly one reference subfield must be non-nil'],
    ],
  ])('of %s', (_what, change, expected) => {
    expect(update(change)).toEqual(expected);
  });
});
