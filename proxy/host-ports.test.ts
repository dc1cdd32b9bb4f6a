import { describe, expect, it } from '@jest/globals';
import type { Pod } from '../api/core/v1/pod/types.ts';
import { staleHostPortFlows } from './conntrack.ts';
import type { HostPortInfo } from './host-ports.ts';
import { hostPortsOf } from './host-ports.ts';

function pod(name: string, port: object, { spec = {}, status = {} }: { spec?: object; status?: object } = {}): Pod {
  return {
    metadata: { namespace: 'default', name },
    spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, ...port }] }], ...spec },
    status: { phase: 'Running', podIP: '10.244.0.2', ...status },
  } as unknown as Pod;
}

const web: HostPortInfo = { protocol: 'tcp', hostIp: '', hostPort: 8080, podIp: '10.244.0.2', port: 80 };

describe('hostPortsOf()', () => {
  it('takes every address, or one', () => {
    expect(hostPortsOf([pod('a', { hostPort: 8080 })])).toEqual([web]);
    expect(hostPortsOf([pod('a', { hostPort: 8080, hostIP: '0.0.0.0' })])).toEqual([web]);
    const one = { hostPort: 8080, hostIP: '192.0.2.1', protocol: 'UDP' };
    expect(hostPortsOf([pod('a', one)])).toEqual([{ ...web, protocol: 'udp', hostIp: '192.0.2.1' }]);
  });

  it.each<[string, Pod]>([
    ['without a host port', pod('a', {})],
    ['on the network of the host', pod('a', { hostPort: 80 }, { spec: { hostNetwork: true } })],
    ['that has ended', pod('a', { hostPort: 80 }, { status: { phase: 'Succeeded' } })],
    ['without an address', pod('a', { hostPort: 80 }, { status: { podIP: undefined } })],
    ['with an address that is none', pod('a', { hostPort: 80 }, { status: { podIP: '10.0.0.1; drop' } })],
    ['for IPv6', pod('a', { hostPort: 80, hostIP: '::1' })],
  ])('leaves out a pod %s', (_what, one) => expect(hostPortsOf([one])).toEqual([]));

  it('takes sidecars, and of two that claim the same the first', () => {
    const sidecar = { name: 's', restartPolicy: 'Always', ports: [{ containerPort: 81, hostPort: 8081 }] };
    const first = pod('a', { hostPort: 8080 }, { spec: { initContainers: [sidecar] } });
    const second = pod('b', { hostPort: 8080 }, { status: { podIP: '10.244.0.3' } });
    expect(hostPortsOf([second, first])).toEqual([web, { ...web, hostPort: 8081, port: 81 }]);
  });
});

describe('staleHostPortFlows()', () => {
  const dns: HostPortInfo = { ...web, protocol: 'udp', hostPort: 53 };
  const to = ['-D', '-p', 'udp', '--orig-port-dst', '53'];

  it('forgets what went to a pod that is gone, and what went nowhere before one came', () => {
    expect(staleHostPortFlows([dns], [])).toEqual([[...to, '--dst-nat', '10.244.0.2']]);
    expect(staleHostPortFlows([dns], [{ ...dns, podIp: '10.244.0.3' }])).toEqual([[...to, '--dst-nat', '10.244.0.2']]);
    expect(staleHostPortFlows([], [{ ...dns, hostIp: '192.0.2.1' }])).toEqual([
      ['-D', '-p', 'udp', '--orig-dst', '192.0.2.1', '--orig-port-dst', '53'],
    ]);
    expect(staleHostPortFlows([dns], [dns])).toEqual([]);
    expect(staleHostPortFlows([web], [])).toEqual([]);
  });
});
