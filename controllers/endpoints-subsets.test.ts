import { describe, expect, it } from '@jest/globals';
import type { Pod } from '../api/core/v1/pod.ts';
import type { Service } from '../api/core/v1/service.ts';
import { subsetsOf } from './endpoints-subsets.ts';

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

  it('keeps pods that are being deleted when those that are not ready are wanted, as ready', () => {
    const leaving = pod('10.0.0.1', 'False');
    leaving.metadata.deletionTimestamp = '2024-05-01T10:00:00Z';
    const publishing = { ...service, spec: { ...service.spec, publishNotReadyAddresses: true } };
    const [subset] = subsetsOf(publishing, [leaving]);
    expect(subset!.addresses!.map(({ ip }) => ip)).toEqual(['10.0.0.1']);
    expect(subset!.notReadyAddresses).toBeUndefined();
  });

  it('leaves out pods that have none of the ports', () => {
    const named = pod('10.0.0.1', 'True');
    named.spec.containers[0]!.ports = [{ name: 'web', containerPort: 8080 }];
    const pods = [named, pod('10.0.0.2', 'True')];
    const ports = [{ name: 'http', port: 80, targetPort: 'web', appProtocol: 'kubernetes.io/h2c' }];
    const subsets = subsetsOf({ ...service, spec: { ...service.spec, ports } }, pods);
    expect(subsets.map((subset) => [subset.addresses!.map(({ ip }) => ip), subset.ports])).toEqual([
      [['10.0.0.1'], [{ name: 'http', port: 8080, protocol: 'TCP', appProtocol: 'kubernetes.io/h2c' }]],
    ]);
  });

  it('lists each port once, together with those that the same pods have', () => {
    const named = pod('10.0.0.1', 'True');
    named.spec.containers[0]!.ports = [{ name: 'web', containerPort: 8080 }];
    const ports = [
      { name: 'http', port: 80, targetPort: 'web' },
      { name: 'metrics', port: 9090 },
      { name: 'admin', port: 9091 },
    ];
    const subsets = subsetsOf({ ...service, spec: { ...service.spec, ports } }, [named, pod('10.0.0.2', 'True')]);
    expect(subsets.map((subset) => [subset.addresses!.length, subset.ports!.map(({ name }) => name)])).toEqual([
      [1, ['http']],
      [2, ['metrics', 'admin']],
    ]);
  });

  it('lists pods without ports for a headless Service only', () => {
    const { ports: _, ...spec } = service.spec!;
    const pods = [pod('10.0.0.1', 'True')];
    expect(subsetsOf({ ...service, spec }, pods)).toEqual([]);
    expect(subsetsOf({ ...service, spec: { ...spec, clusterIP: 'None' } }, [])).toEqual([]);
    const [subset] = subsetsOf({ ...service, spec: { ...spec, clusterIP: 'None' } }, pods);
    expect(subset!.addresses!.map(({ ip }) => ip)).toEqual(['10.0.0.1']);
    expect(subset).not.toHaveProperty('ports');
  });
});
