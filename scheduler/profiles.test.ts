/** Several profiles in one scheduler, as a configuration says, against the real API server in this process. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestCluster } from './cluster-for-tests.ts';
import type { TestCluster } from './cluster-for-tests.ts';
import { readConfiguration } from './configuration.ts';
import { nodeOf } from './objects-for-tests.ts';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await startTestCluster();
});
afterEach(() => cluster.stop());

describe('profiles [S11]', () => {
  it('schedule each the pods of their name, with their own plugins and args', async () => {
    const { profiles } = readConfiguration({
      apiVersion: 'kubescheduler.config.k8s.io/v1',
      kind: 'KubeSchedulerConfiguration',
      profiles: [
        { schedulerName: 'default-scheduler' },
        {
          schedulerName: 'packing',
          plugins: { multiPoint: { disabled: [{ name: 'NodeResourcesBalancedAllocation' }] } },
          pluginConfig: [{ name: 'NodeResourcesFit', args: { scoringStrategy: { type: 'MostAllocated' } } }],
        },
        {
          schedulerName: 'careless',
          plugins: {
            preFilter: { disabled: [{ name: '*' }] },
            filter: { disabled: [{ name: '*' }] },
            postFilter: { disabled: [{ name: '*' }] },
          },
        },
      ],
    });
    await cluster.createNode(nodeOf('busy'));
    await cluster.createNode(nodeOf('idle'));
    cluster.startScheduler(...profiles);
    const pod = (name: string, schedulerName: string, cpu: string, nodeName?: string): Promise<unknown> =>
      cluster.createPod(name, {
        requests: { cpu, memory: '1Gi' },
        spec: { schedulerName, ...(nodeName && { nodeSelector: { only: nodeName } }) },
      });
    await cluster.patchNode('busy', { metadata: { labels: { only: 'busy' } } });
    await pod('first', 'default-scheduler', '1', 'busy');
    expect(await cluster.bound('first')).toBe('busy');
    await pod('spread', 'default-scheduler', '1');
    expect(await cluster.bound('spread')).toBe('idle');
    await cluster.deletePod('spread');
    for (const name of ['packed-1', 'packed-2']) {
      await pod(name, 'packing', '1');
      expect(await cluster.bound(name)).toBe('busy');
    }
    await pod('stuck', 'default-scheduler', '9');
    expect((await cluster.conditionOf('stuck')).message).toContain('Insufficient cpu');
    await pod('anywhere', 'careless', '9');
    expect(['busy', 'idle']).toContain(await cluster.bound('anywhere'));
  });
});
