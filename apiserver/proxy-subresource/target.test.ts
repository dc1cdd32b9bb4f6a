/** What requests are sent to, and what they are never sent to. */
import { describe, expect, it } from '@jest/globals';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { fakeListers } from '../authz/fake-listers.ts';
import { isProxyable, nodeTarget, parseTarget, podTarget, serviceTarget } from './target.ts';
import type { TargetSources } from './target.ts';

const pod = (name: string, ip: string, { ports = [80], node = 'real' } = {}): ApiObject =>
  ({
    metadata: { name, namespace: 'a' },
    spec: { nodeName: node, containers: [{}, { ports: ports.map((containerPort) => ({ containerPort })) }] },
    status: { podIPs: [{ ip }] },
  }) as unknown as ApiObject;
const node = (name: string, address: string, Port: number): ApiObject =>
  ({
    metadata: { name },
    status: { addresses: [{ type: 'InternalIP', address }], daemonEndpoints: { kubeletEndpoint: { Port } } },
  }) as unknown as ApiObject;
const service = (name: string, ports: object[]): ApiObject =>
  ({ metadata: { name, namespace: 'a' }, spec: { ports } }) as unknown as ApiObject;
const endpoints = (name: string, subsets: object[]): ApiObject =>
  ({ metadata: { name, namespace: 'a' }, subsets }) as unknown as ApiObject;
const address = (ip: string, name: string, namespace = 'a'): object => ({ ip, targetRef: { name, namespace } });

function sourcesOf(objects: Record<string, ApiObject[]>, float = 0): TargetSources {
  const { listers } = fakeListers({
    nodes: [node('real', '192.0.2.10', 10_250), node('pretended', '192.0.2.10', 0)],
    ...objects,
  });
  return {
    nodes: listers({ group: '', plural: 'nodes' }),
    pods: listers({ group: '', plural: 'pods' }),
    services: listers({ group: '', plural: 'services' }),
    endpoints: listers({ group: '', plural: 'endpoints' }),
    random: { float: () => float, uuid: () => '', bytes: () => new Uint8Array() },
  };
}

describe('parseTarget()', () => {
  it.each([
    ['web', ['', 'web', '']],
    ['web:', ['', 'web', '']],
    ['web:http', ['', 'web', 'http']],
    ['https:web:443', ['https', 'web', '443']],
    [':web:', ['', 'web', '']],
    ['', undefined],
    [':80', undefined],
    ['ftp:web:80', undefined],
    ['http:web:80:1', undefined],
  ])('reads %s', (id, expected) => {
    const target = parseTarget(id);
    expect(target && [target.scheme, target.name, target.port]).toEqual(expected);
  });
});

describe('isProxyable()', () => {
  it.each(['10.244.0.5', '192.0.2.10', '8.8.8.8', 'fd00::5', '2001:db8::1'])('%s', (ip) => {
    expect(isProxyable(ip)).toBe(true);
  });

  it.each([
    ['127.0.0.1'],
    ['127.8.8.8'],
    ['169.254.169.254'],
    ['0.0.0.0'],
    ['224.0.0.1'],
    ['255.255.255.255'],
    ['::1'],
    ['::'],
    ['fe80::1'],
    ['fe80::1%lo'],
    ['ff02::1'],
    ['::ffff:127.0.0.1'],
    ['::ffff:a9fe:a9fe'],
    ['localhost'],
    ['10.0.0.1:80'],
    [''],
  ])('not %s (CVE-2020-8562)', (ip) => {
    expect(isProxyable(ip)).toBe(false);
  });
});

describe('podTarget()', () => {
  const sources = sourcesOf({
    pods: [
      pod('web', '10.0.0.5', { ports: [8080, 9090] }),
      pod('bare', '10.0.0.6', { ports: [] }),
      pod('loop', '127.0.0.1'),
      pod('new', ''),
      pod('pretended', '10.0.0.7', { node: 'pretended' }),
    ],
  });

  it.each([
    ['web', 'http 10.0.0.5 8080'],
    ['web:81', 'http 10.0.0.5 81'],
    ['https:web:8443', 'https 10.0.0.5 8443'],
    ['bare', 'http 10.0.0.6 80'],
    ['https:bare:', 'https 10.0.0.6 443'],
  ])('of %s is %s', (id, expected) => {
    const { scheme, host, port } = podTarget(sources, 'a', id);
    expect(`${scheme} ${host} ${port}`).toBe(expected);
  });

  it.each([
    ['none', 'pods "none" not found'],
    ['a:b:c:d', 'invalid pod request "a:b:c:d"'],
    ['loop', 'address not allowed'],
    ['new', 'address not allowed'],
    ['web:http', 'error trying to reach service: dial tcp: lookup tcp/http: unknown port'],
    ['web:0', 'error trying to reach service: dial tcp: address 0: invalid port'],
    ['web:99999', 'error trying to reach service: dial tcp: address 99999: invalid port'],
    ['pretended', 'error trying to reach service: pod pretended is simulated by node pretended: nothing listens'],
  ])('of %s is refused: %s', (id, message) => {
    expect(() => podTarget(sources, 'a', id)).toThrow(message);
  });

  it('stays in its namespace', () => {
    expect(() => podTarget(sources, 'b', 'web')).toThrow('pods "web" not found');
  });
});

describe('serviceTarget()', () => {
  const pods = [pod('one', '10.0.0.1'), pod('two', '10.0.0.2'), pod('three', '10.0.0.3')];
  const ready = [address('10.0.0.1', 'one'), address('10.0.0.2', 'two'), address('10.0.0.3', 'three')];
  const target = (id: string, subsets: object[], float = 0): string => {
    const services = [service('web', [{ name: 'http', port: 80 }, { port: 81 }])];
    const sources = sourcesOf({ pods, services, endpoints: [endpoints('web', subsets)] }, float);
    const { scheme, host, port } = serviceTarget(sources, 'a', id);
    return `${scheme} ${host}:${port}`;
  };
  const HTTP = { name: 'http', port: 8080 };

  it.each([
    ['web:http', 'http 10.0.0.1:8080'],
    ['web:80', 'http 10.0.0.1:8080'],
    ['https:web:80', 'https 10.0.0.1:8080'],
    ['web', 'http 10.0.0.1:8081'],
    ['web:81', 'http 10.0.0.1:8081'],
  ])('of %s is %s', (id, expected) => {
    expect(target(id, [{ addresses: ready, ports: [HTTP, { port: 8081 }] }])).toBe(expected);
  });

  it('is any of the ready pods', () => {
    const chosen = [0, 0.4, 0.99].map((float) => target('web:http', [{ addresses: ready, ports: [HTTP] }], float));
    expect(chosen).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((ip) => `http ${ip}:8080`));
  });

  it('is no pod that is not ready, and none of a subset without the port', () => {
    const subsets = [
      { notReadyAddresses: [ready[0]], ports: [HTTP] },
      { addresses: [ready[1]], ports: [{ name: 'other', port: 1 }] },
      { addresses: [ready[2]], ports: [HTTP] },
    ];
    expect([0, 0.4, 0.99].map((float) => target('web:http', subsets, float))).toEqual(
      Array(3).fill('http 10.0.0.3:8080'),
    );
  });

  it.each([
    ['an address of nobody', { ip: '10.0.0.1' }],
    ['the address of a pod elsewhere', address('10.0.0.1', 'one', 'b')],
    ['another address of a pod', address('192.0.2.10', 'one')],
    ['a pod that is gone', address('10.0.0.1', 'gone')],
  ])('is not %s, though Endpoints say so', (_what, one) => {
    expect(() => target('web:http', [{ addresses: [one], ports: [HTTP] }])).toThrow(
      'no endpoints available for service "web:http"',
    );
  });

  it('says what is missing', () => {
    expect(() => target('web:http', [])).toThrow('no endpoints available for service "web"');
    expect(() => target('web:9', [])).toThrow('no service port 9 found for service "web"');
    expect(() => target('none:9', [])).toThrow('services "none" not found');
    expect(() => target('none', [])).toThrow('endpoints "none" not found');
    expect(() => target('a:b:c:d', [])).toThrow('invalid service request "a:b:c:d"');
  });
});

describe('nodeTarget()', () => {
  const sources = sourcesOf({ nodes: [node('n', '192.0.2.10', 10_250), node('loop', '127.0.0.1', 10_250)] });

  it('is the kubelet, with its certificate, on the kubelet’s port only', () => {
    const kubelet = { nodeName: 'n', host: '192.0.2.10', port: 10_250 };
    const expected = { scheme: 'https', host: '192.0.2.10', port: 10_250, kubelet };
    for (const id of ['n', 'n:10250', 'http:n:', 'https:n:10250']) expect(nodeTarget(sources, id)).toEqual(expected);
    expect(nodeTarget(sources, 'n:9100')).toEqual({ scheme: 'http', host: '192.0.2.10', port: 9100 });
    expect(nodeTarget(sources, 'https:n:6443')).toEqual({ scheme: 'https', host: '192.0.2.10', port: 6443 });
  });

  it('is refused at an address that leads to the API server itself (CVE-2022-3294)', () => {
    expect(() => nodeTarget(sources, 'loop')).toThrow('address not allowed');
    expect(() => nodeTarget(sources, 'loop:22')).toThrow('address not allowed');
    expect(() => nodeTarget(sources, 'none')).toThrow('nodes "none" not found');
  });
});
