import { describe, expect, it } from '@jest/globals';
import type { Node } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { realClock } from '../../base/clock.ts';
import { testPod } from '../testing.ts';
import { PodAdmission } from './pod-admission.ts';

const nodeWith = (labels: Record<string, string>): Node => ({ metadata: { name: 'node-1', labels }, spec: {} }) as Node;

describe('PodAdmission', () => {
  const events: string[] = [];
  let supplementalGroupsPolicy = true;
  const admission = (cached: Record<string, string>, read: () => Promise<Node>): PodAdmission =>
    new PodAdmission({
      nodeName: 'node-1',
      allocatable: { pods: '1', cpu: '1' },
      features: { supplementalGroupsPolicy },
      cachedNode: () => nodeWith(cached),
      readNode: read,
      othersThan: () => [],
      events: {
        normal: () => undefined,
        warning: (_pod, reason, message) => void events.push(`${reason}: ${message}`),
      },
      clock: { ...realClock, now: () => 0 },
    });
  const fresh = async (): Promise<Node> => nodeWith({ disk: 'ssd' });
  const unread = (): Promise<Node> => Promise.reject(new Error('there is no API server'));
  const onDisk: Pod = testPod({ nodeSelector: { disk: 'ssd' } });
  const REFUSED = {
    phase: 'Failed',
    reason: 'NodeAffinity',
    message: "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    startTime: '1970-01-01T00:00:00Z',
    qosClass: 'BestEffort',
  };

  it('asks the API before it believes that a label is missing', async () => {
    events.length = 0;
    expect(await admission({}, fresh).admit(onDisk)).toBeUndefined();
    expect(events).toEqual([]);
  });

  it('refuses when the API says so too, or says nothing', async () => {
    events.length = 0;
    expect(await admission({}, async () => nodeWith({})).admit(onDisk)).toEqual(REFUSED);
    expect(await admission({}, unread).admit(onDisk)).toEqual(REFUSED);
    const event = "NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
    expect(events).toEqual([event, event]);
  });

  it('does not ask where the answer would not matter', () => {
    const big = testPod({
      nodeSelector: { disk: 'ssd' },
      containers: [{ name: 'a', image: 'a', resources: { requests: { cpu: '2' } } }],
    });
    expect(admission({}, unread).admit(big)).toMatchObject({ phase: 'Failed', reason: 'OutOfcpu' });
  });

  it('does not judge anew what has begun, is ended, or was refused by the kubelet before', () => {
    const judge = (pod: Pod): unknown => admission({}, unread).admit(pod);
    expect(judge({ ...onDisk, status: { startTime: '1970-01-01T00:00:00Z' } })).toBeUndefined();
    expect(judge(testPod(onDisk.spec, { deletionTimestamp: '1970-01-01T00:00:00Z' }))).toBeUndefined();
    const status = { ...REFUSED, message: 'as it was' } as NonNullable<Pod['status']>;
    expect(judge({ ...onDisk, status })).toBe(status);
  });

  it.each([
    [{ os: { name: 'windows' } }, 'PodOSNotSupported', "Failed to admit pod as the OS field doesn't match node OS"],
    [
      { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } },
      'SysctlForbidden',
      'forbidden sysctl: "kernel.msgmax" not allowlisted',
    ],
  ])('refuses %j', (spec, reason, message) => {
    expect(admission({}, unread).admit(testPod(spec))).toMatchObject({
      reason,
      message: `Pod was rejected: ${message}`,
    });
  });

  it('refuses a policy for groups where the runtime cannot keep to it', () => {
    const podWith = (policy: 'Merge' | 'Strict'): Pod =>
      testPod({ securityContext: { supplementalGroupsPolicy: policy } });
    expect(admission({}, unread).admit(podWith('Strict'))).toBeUndefined();
    supplementalGroupsPolicy = false;
    expect(admission({}, unread).admit(podWith('Merge'))).toBeUndefined();
    expect(admission({}, unread).admit(podWith('Strict'))).toMatchObject({
      phase: 'Failed',
      reason: 'SupplementalGroupsPolicyNotSupported',
      message: 'Pod was rejected: SupplementalGroupsPolicy=Strict is not supported in this node',
    });
  });
});
