import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestCluster } from '../scheduler/cluster-for-tests.ts';
import type { TestCluster } from '../scheduler/cluster-for-tests.ts';
import { readConfiguration } from '../scheduler/configuration.ts';
import { nodeOf } from '../scheduler/objects-for-tests.ts';
import { explanationOf } from './why.ts';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await startTestCluster();
});
afterEach(() => cluster.stop());

describe('explanationOf() [S11]', () => {
  it("goes by the profile of the pod's scheduler: its args, and the filters that it has", async () => {
    const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'Exists' }] }] };
    const addedAffinity = { requiredDuringSchedulingIgnoredDuringExecution: required };
    const { profiles } = readConfiguration({
      apiVersion: 'kubescheduler.config.k8s.io/v1',
      kind: 'KubeSchedulerConfiguration',
      profiles: [
        { schedulerName: 'choosy', pluginConfig: [{ name: 'NodeAffinity', args: { addedAffinity } }] },
        { schedulerName: 'careless', plugins: { filter: { disabled: [{ name: 'NodeResourcesFit' }] } } },
      ],
    });
    await cluster.createNode(nodeOf('n1'));
    const linesFor = async (schedulerName: string): Promise<readonly string[]> => {
      const pod = await cluster.createPod(schedulerName, { requests: { cpu: '9' }, spec: { schedulerName } });
      return (await explanationOf(pod, { client: cluster.client, profiles })).lines;
    };
    const tooSmall = '  n1: too small: has 4 cpu in all, the pod asks for 9';
    expect(await linesFor('choosy')).toEqual([
      'pod default/choosy fits none of 1 node(s)',
      "  n1: node(s) didn't match scheduler-enforced node affinity",
      tooSmall,
    ]);
    expect(await linesFor('careless')).toEqual([
      'pod default/careless has no node yet and fits 1 of 1 node(s): the scheduler places it when it tries next',
      '  n1: fits',
    ]);
    expect(await linesFor('unknown')).toEqual([
      'pod default/unknown fits none of 1 node(s)',
      'it is for the scheduler unknown; this is what the default plugins say',
      tooSmall,
    ]);
  });
});
