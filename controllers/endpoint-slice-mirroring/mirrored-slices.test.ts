/** What becomes of Endpoints that somebody writes. */
import { describe, expect, it } from '@jest/globals';
import type { Endpoints } from '../../api/core/v1/endpoints.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpoint-slice.ts';
import { matched } from './endpoint-slice-mirroring.ts';
import { mirroredMetadata, mirroredSlices, shouldMirror } from './mirrored-slices.ts';

type Subsets = NonNullable<Endpoints['subsets']>;
const endpoints = (subsets: Subsets, metadata: object = {}): Endpoints => ({
  metadata: { name: 'db', namespace: 'a', ...metadata },
  subsets,
});
const service = (spec: object = {}): Service => ({ metadata: { name: 'db' }, spec: { ...spec } }) as Service;

describe('shouldMirror()', () => {
  it('is for Services without a selector, whose Endpoints do not say otherwise', () => {
    const plain = endpoints([]);
    expect(shouldMirror(plain, service())).toBe(true);
    expect(shouldMirror(plain, service({ selector: { app: 'db' } }))).toBe(false);
    expect(shouldMirror(plain, service({ selector: {} }))).toBe(false);
    expect(shouldMirror(plain, undefined)).toBe(false);
    expect(shouldMirror(undefined, service())).toBe(false);
    const labelled = (value: string): Endpoints =>
      endpoints([], { labels: { 'endpointslice.kubernetes.io/skip-mirror': value } });
    expect([shouldMirror(labelled('true'), service()), shouldMirror(labelled('false'), service())]).toEqual([
      false,
      true,
    ]);
    const lock = endpoints([], { annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } });
    expect(shouldMirror(lock, service())).toBe(false);
  });
});

describe('mirroredSlices()', () => {
  it('says of every address what the Endpoints say', () => {
    const targetRef = { kind: 'Pod', namespace: 'a', name: 'db-0' };
    const subsets: Subsets = [
      {
        addresses: [{ ip: '10.0.0.1', hostname: 'db-0', nodeName: 'n1', targetRef }],
        notReadyAddresses: [{ ip: '10.0.0.2' }],
        ports: [{ name: 'sql', port: 5432, protocol: 'TCP', appProtocol: 'postgres' }, { port: 1 }],
      },
    ];
    const ports = [
      { name: 'sql', port: 5432, protocol: 'TCP', appProtocol: 'postgres' },
      { name: '', port: 1, protocol: 'TCP' },
    ];
    expect(mirroredSlices(endpoints(subsets))).toEqual({
      skipped: 0,
      slices: [
        {
          addressType: 'IPv4',
          ports,
          endpoints: [
            { addresses: ['10.0.0.1'], conditions: { ready: true }, hostname: 'db-0', nodeName: 'n1', targetRef },
            { addresses: ['10.0.0.2'], conditions: { ready: false } },
          ],
        },
      ],
    });
  });

  it('keeps families apart, and puts what has the same ports together', () => {
    const ports = [{ port: 80 }];
    const subsets: Subsets = [
      { addresses: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }], ports },
      { addresses: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }], ports },
      { addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 81 }] },
    ];
    const { slices } = mirroredSlices(endpoints(subsets));
    const flat = slices.map((one) => [
      one.addressType,
      one.ports[0]!.port,
      ...one.endpoints.flatMap((e) => e.addresses),
    ]);
    expect(flat).toEqual([
      ['IPv4', 80, '10.0.0.1', '10.0.0.2'],
      ['IPv6', 80, 'fd00::1'],
      ['IPv4', 81, '10.0.0.1'],
    ]);
  });

  it('has no slice without addresses, and a thousand addresses in one', () => {
    expect(mirroredSlices(endpoints([{ ports: [{ port: 80 }] }])).slices).toEqual([]);
    const addresses = Array.from({ length: 1_003 }, (_, i) => ({ ip: `10.0.${i >> 8}.${i & 255}` }));
    const { slices, skipped } = mirroredSlices(endpoints([{ addresses, ports: [{ port: 80 }] }]));
    expect([slices.length, slices[0]!.endpoints.length, skipped]).toEqual([1, 1_000, 3]);
  });
});

describe('mirroredMetadata()', () => {
  it('takes labels and annotations over, and says whose slice it is', () => {
    const own = {
      labels: { app: 'db', 'kubernetes.io/service-name': 'mine' },
      annotations: {
        note: 'x',
        'endpoints.kubernetes.io/last-change-trigger-time': 'now',
        'kubectl.kubernetes.io/last-applied-configuration': '{}',
      },
    };
    expect(mirroredMetadata(endpoints([], own))).toEqual({
      labels: {
        app: 'db',
        'kubernetes.io/service-name': 'db',
        'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
      },
      annotations: { note: 'x' },
    });
  });
});

describe('matched()', () => {
  const slice = (name: string, port: number, addressType = 'IPv4'): EndpointSlice =>
    ({ metadata: { name }, addressType, ports: [{ name: '', port, protocol: 'TCP' }], endpoints: [] }) as EndpointSlice;
  const wanted = (port: number, addressType: 'IPv4' | 'IPv6' = 'IPv4') => ({
    addressType,
    ports: [{ name: '', port, protocol: 'TCP' }],
    endpoints: [],
  });
  const names = (existing: EndpointSlice[], all: ReturnType<typeof wanted>[]) => {
    const { kept, surplus } = matched(existing, all);
    return [kept.map(([, one]) => one?.metadata.name), surplus.map(({ metadata }) => metadata.name)];
  };

  it('keeps slices with the same ports, and fills others anew', () => {
    expect(names([slice('a', 80), slice('b', 81)], [wanted(81), wanted(82)])).toEqual([['b', 'a'], []]);
    expect(names([slice('a', 80), slice('b', 81), slice('c', 82)], [wanted(82)])).toEqual([['c'], ['a', 'b']]);
    expect(names([slice('a', 80, 'IPv6')], [wanted(80), wanted(81, 'IPv6')])).toEqual([[undefined, 'a'], []]);
  });
});
