import { describe, expect, it } from '@jest/globals';
import type { Node, NodeStatus } from '../../api/core/v1/node.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import type { NodeHealth, NodeInput } from './node-status.ts';
import { allocatableOf, isNodeStatusChanged, newNode, nodeStatus } from './node-status.ts';

const GIB = 1024 ** 3;
const INPUT: NodeInput = {
  name: 'n',
  ip: '192.0.2.1',
  hostname: 'n',
  podCidr: '10.244.0.0/24',
  kubeletPort: 10250,
  facts: {
    architecture: 'amd64',
    bootId: 'boot',
    kernelVersion: '6.1.0',
    machineId: 'machine',
    osImage: 'Debian',
    systemUuid: 'system',
    swapBytes: 0,
  },
  // Whole terabytes and gigabytes have a shorter form than in Ki.
  capacity: { cpus: 4, memoryBytes: 256 * GIB, diskBytes: 1024 * GIB, hugePages: new Map() },
  maxPods: 110,
  labels: {},
  taints: [],
  runtime: { name: 'simulated', version: '1' },
  features: { supplementalGroupsPolicy: true },
  kubeletVersion: 'v1.36.0',
};
const health = (nowMs: number, more: Partial<NodeHealth> = {}): NodeHealth => ({
  problems: [],
  pressure: { availableMemoryBytes: GIB, freeDisk: 0.5, freeInodes: 0.5, freePids: 0.5 },
  images: [],
  nowMs,
  ...more,
});

describe('nodeStatus()', () => {
  it('is what the API gives back, so that a heartbeat changes nothing but its time', async () => {
    const server = await startTestServer();
    try {
      const status = nodeStatus(INPUT, health(0), undefined);
      const { status: created } = await server.call<Node>('POST', '/api/v1/nodes', newNode(INPUT, status));
      const stored = created!;
      expect(stored.features).toEqual({ supplementalGroupsPolicy: true });
      expect(stored.capacity).toMatchObject({ memory: '256Gi', 'ephemeral-storage': '1Ti' });
      const next = nodeStatus(INPUT, health(10_000), stored);
      expect(isNodeStatusChanged(stored, { ...stored, ...next })).toBe(false);
      const ill = nodeStatus(INPUT, health(10_000, { problems: ['no network'] }), stored);
      expect(isNodeStatusChanged(stored, { ...stored, ...ill })).toBe(true);
      const images: NodeStatus['images'] = [{ names: ['a:1'], sizeBytes: 1 }];
      expect(isNodeStatusChanged({ ...stored, images }, { ...stored, ...next })).toBe(true);
    } finally {
      await server.close();
    }
  });
});

describe('allocatableOf()', () => {
  it.each([
    [
      { memory: '256Gi', 'ephemeral-storage': '1Ti' },
      { memory: '262044Mi', 'ephemeral-storage': '989560464998' },
    ],
    [
      { memory: '1001Ki', 'ephemeral-storage': '10Ki' },
      { memory: '0', 'ephemeral-storage': '9216' },
    ],
  ])('of %j is %j', (capacity, allocatable) => {
    expect(allocatableOf(capacity)).toEqual(allocatable);
  });
});
