import { describe, expect, it } from '@jest/globals';
import type { Service } from '../api/core/v1/service.ts';
import type { EndpointSlice } from '../api/discovery/v1/endpoint-slice.ts';
import { staleFlows } from './conntrack.ts';
import { wantedChecks } from './health-check-node-port.ts';
import { buildServiceMap, isTakenOut } from './service-map.ts';
import type { ServicePortInfo } from './service-map.ts';

type Conditions = { ready?: boolean; serving?: boolean; terminating?: boolean };

function service(spec: Service['spec'], more: Partial<Service> = {}): Service {
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' }];
  return {
    metadata: { namespace: 'default', name: 'web', ...more.metadata },
    spec: { type: 'ClusterIP', clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'], ports, ...spec },
    ...(more.status === undefined ? {} : { status: more.status }),
  } as Service;
}

function slice(endpoints: [ip: string, nodeName: string, conditions: Conditions][], ports?: object[]): EndpointSlice {
  return {
    metadata: {
      namespace: 'default',
      name: `web-${endpoints.length}`,
      labels: { 'kubernetes.io/service-name': 'web' },
    },
    addressType: 'IPv4',
    ports: ports ?? [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints.map(([ip, nodeName, conditions]) => ({ addresses: [ip], nodeName, conditions })),
  } as unknown as EndpointSlice;
}

function mapOf(spec: Service['spec'], slices: EndpointSlice[] = [], more: Partial<Service> = {}): ServicePortInfo[] {
  return buildServiceMap({ services: [service(spec, more)], slices, nodeName: 'n1' });
}

const READY: Conditions = { ready: true };
const DRAINING: Conditions = { ready: false, serving: true, terminating: true };
const DEAD: Conditions = { ready: false, serving: false, terminating: true };
const ips = (endpoints: readonly { ip: string }[]): string[] => endpoints.map(({ ip }) => ip);

describe('buildServiceMap()', () => {
  it('finds endpoints by port name and protocol, here and elsewhere', () => {
    const slices = [
      slice([
        ['10.244.0.3', 'n2', READY],
        ['10.244.0.2', 'n1', {}],
      ]),
      slice([['10.244.0.9', 'n1', READY]], [{ name: 'http', port: 8080, protocol: 'UDP' }]),
    ];
    const [info] = mapOf({}, slices);
    expect(info).toMatchObject({ protocol: 'tcp', clusterIp: '10.96.0.5', port: 80, nodePort: 0, affinitySeconds: 0 });
    expect(info!.endpoints).toEqual([
      { ip: '10.244.0.2', port: 8080, isLocal: true },
      { ip: '10.244.0.3', port: 8080, isLocal: false },
    ]);
    expect(ips(info!.localEndpoints)).toEqual(['10.244.0.2']);
  });

  it('uses terminating endpoints that still serve only where there is no ready one', () => {
    const [mixed] = mapOf({}, [
      slice([
        ['10.244.0.2', 'n1', DRAINING],
        ['10.244.0.3', 'n2', READY],
      ]),
    ]);
    expect(ips(mixed!.endpoints)).toEqual(['10.244.0.3']);
    expect(ips(mixed!.localEndpoints)).toEqual(['10.244.0.2']);
    const [draining] = mapOf({}, [
      slice([
        ['10.244.0.2', 'n1', DRAINING],
        ['10.244.0.3', 'n2', DEAD],
      ]),
    ]);
    expect(ips(draining!.endpoints)).toEqual(['10.244.0.2']);
  });

  it.each([
    ['headless', { clusterIP: 'None', clusterIPs: ['None'] }],
    ['ExternalName', { type: 'ExternalName', externalName: 'x' }],
    ['without an address', { clusterIP: '', clusterIPs: [] }],
    ['with an address that is none', { clusterIP: '10.96.0.5; flush ruleset', clusterIPs: ['x'] }],
  ] as [string, Service['spec']][])('leaves out Services that are %s', (_, spec) => {
    expect(mapOf(spec)).toEqual([]);
  });

  it('leaves Services to another proxy that they name', () => {
    const labels = { 'service.kubernetes.io/service-proxy-name': 'other' };
    expect(mapOf({}, [], { metadata: { namespace: 'default', name: 'web', labels } })).toEqual([]);
  });

  it('takes over addresses and ranges in checked forms only', () => {
    const status = {
      loadBalancer: {
        ingress: [{ ip: '198.51.100.1', ipMode: 'VIP' }, { ip: '198.51.100.2', ipMode: 'Proxy' }, { ip: 'x y' }],
      },
    };
    const [info] = mapOf(
      {
        type: 'LoadBalancer',
        externalIPs: ['192.0.2.1', '127.0.0.1', '::1', '1.2.3.4 accept'],
        loadBalancerSourceRanges: ['203.0.113.0/24', '0.0.0.0/0 } accept', '1.2.3.4/99'],
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
        externalTrafficPolicy: 'Local',
        healthCheckNodePort: 30555,
      },
      [
        slice([
          ['127.0.0.1', 'n1', READY],
          ['10.244.0.2', 'n1', READY],
        ]),
      ],
      { status } as Partial<Service>,
    );
    expect(info).toMatchObject({
      externalIps: ['192.0.2.1'],
      loadBalancerIps: ['198.51.100.1'],
      sourceRanges: ['203.0.113.0/24'],
      affinitySeconds: 60,
      isExternalLocal: true,
      healthCheckNodePort: 30555,
    });
    expect(ips(info!.endpoints)).toEqual(['10.244.0.2']);
    expect(wantedChecks([info!, info!]).get(30555)).toEqual({
      service: { namespace: 'default', name: 'web' },
      localEndpoints: 1,
    });
  });
});

describe('staleFlows()', () => {
  const udp = (...endpoints: [string, string, Conditions][]): ServicePortInfo[] => {
    const ports = [{ name: 'dns', port: 53, protocol: 'UDP' }];
    return mapOf({ ports, type: 'NodePort' }, [slice(endpoints, [{ name: 'dns', port: 53, protocol: 'UDP' }])]);
  };

  it('names flows to endpoints that went, and those from before there was one', () => {
    const two = udp(['10.244.0.2', 'n1', READY], ['10.244.0.3', 'n1', READY]);
    const one = udp(['10.244.0.2', 'n1', READY]);
    const toService = ['-D', '-p', 'udp', '--orig-dst', '10.96.0.5', '--orig-port-dst', '53'];
    expect(staleFlows(two, one)).toEqual([[...toService, '--dst-nat', '10.244.0.3']]);
    expect(staleFlows(one, two)).toEqual([]);
    expect(staleFlows(udp(), one)).toEqual([toService]);
    expect(staleFlows(one, [])).toEqual([[...toService, '--dst-nat', '10.244.0.2']]);
  });
});

describe('isTakenOut()', () => {
  const none = new Set<string>();
  const pod = new Set(['10.244.0.2']);

  it('holds when neither the rules that are loaded nor those that are wanted lead to the pod', () => {
    expect(isTakenOut('10.244.0.2', { loaded: none, wanted: none })).toBe(true);
    expect(isTakenOut('10.244.0.3', { loaded: pod, wanted: pod })).toBe(true);
  });

  it('waits for a pod that has been taken out only on paper, or is about to come in', () => {
    expect(isTakenOut('10.244.0.2', { loaded: pod, wanted: none })).toBe(false);
    expect(isTakenOut('10.244.0.2', { loaded: none, wanted: pod })).toBe(false);
  });
});
