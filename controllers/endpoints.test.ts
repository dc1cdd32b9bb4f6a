import { describe, expect, it } from '@jest/globals';
import type { Pod } from '../api/core/v1/pod.ts';
import type { Service } from '../api/core/v1/service.ts';
import { subsetsOf } from './endpoints.ts';

const service: Service = {
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
};

const pod = (podIP: string, ready: string): Pod => ({
  metadata: { name: `web-${podIP}`, namespace: 'default', uid: podIP },
  spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
  status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions: [{ type: 'Ready', status: ready }] },
});

describe('subsetsOf()', () => {
  it('sorts ready and other addresses, whatever the order of the pods', () => {
    const pods = [pod('10.0.0.3', 'True'), pod('10.0.0.1', 'True'), pod('10.0.0.4', 'False'), pod('10.0.0.2', 'False')];
    const [subset, ...others] = subsetsOf(service, pods);
    expect(others).toEqual([]);
    expect(subset!.addresses!.map(({ ip }) => ip)).toEqual(['10.0.0.1', '10.0.0.3']);
    expect(subset!.notReadyAddresses!.map(({ ip }) => ip)).toEqual(['10.0.0.2', '10.0.0.4']);
    expect(subset!.ports).toEqual([{ port: 80, protocol: 'TCP' }]);
  });

  it('leaves out pods that are being deleted', () => {
    const leaving = pod('10.0.0.1', 'True');
    leaving.metadata.deletionTimestamp = '2024-05-01T10:00:00Z';
    expect(subsetsOf(service, [leaving])).toEqual([]);
  });
});
