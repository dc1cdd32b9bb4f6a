import { describe, expect, it } from '@jest/globals';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { parseServiceUrl, podBehind, podPort, reachablePods } from './check-target.ts';

const pod = (podIP: string, changes: { ready?: boolean; hostNetwork?: boolean; app?: string } = {}): Pod =>
  ({
    metadata: { name: podIP, labels: { app: changes.app ?? 'web' } },
    spec: {
      hostNetwork: changes.hostNetwork ?? false,
      containers: [{ name: 'web', image: 'web', ports: [{ name: 'http', containerPort: 8080 }] }],
    },
    status: { podIP, conditions: [{ type: 'Ready', status: changes.ready === false ? 'False' : 'True' }] },
  }) as Pod;

const service = (spec: object): Service => ({ metadata: { name: 'web' }, spec }) as Service;

describe('parseServiceUrl()', () => {
  it.each([
    ['http://web/', { name: 'web', port: undefined, path: '/', protocol: 'http', host: 'web' }],
    ['https://web:8443/a?b=c', { name: 'web', port: 8443, path: '/a?b=c', protocol: 'https', host: 'web:8443' }],
    ['http://web.shop', { name: 'web', path: '/' }],
    ['http://web.shop.svc.cluster.local:81/x', { name: 'web', port: 81, path: '/x' }],
  ])('takes %s', (url, expected) => {
    expect(parseServiceUrl(url, 'shop')).toMatchObject({ ok: true, value: expected });
  });

  it.each([
    ['another namespace', 'http://web.bank/'],
    ['another namespace in full', 'http://web.bank.svc.cluster.local/'],
    ['an address', 'http://10.0.0.1/'],
    ['an address as one number', 'http://2130706433/'],
    ['an address in hexadecimal', 'http://0x7f000001/'],
    ['an IPv6 address', 'http://[::1]/'],
    ['the metadata service of a cloud', 'http://169.254.169.254/latest'],
    ['a host of the internet', 'http://example.com/'],
    ['a host that only begins like a Service', 'http://web.shop.evil.example/'],
    ['another protocol', 'ftp://web/'],
    ['a file', 'file:///etc/passwd'],
    ['credentials', 'http://user:password@web/'],
    ['no URL', 'http://'],
  ])('refuses %s', (_, url) => {
    expect(parseServiceUrl(url, 'shop')).toMatchObject({ ok: false });
  });
});

describe('podBehind()', () => {
  const ports = [{ port: 80, targetPort: 'http' }];

  it('gives a ready pod that the selector finds, and the port there', () => {
    const pods = [pod('10.0.0.1', { ready: false }), pod('10.0.0.2', { app: 'other' }), pod('10.0.0.3')];
    const web = service({ selector: { app: 'web' }, ports });
    expect(podBehind(web, 80, pods)).toEqual({ ok: true, value: { address: '10.0.0.3', port: 8080 } });
    expect(podBehind(web, 81, pods)).toEqual({ ok: false, problem: 'Service web has no port 81' });
  });

  it.each([
    ['whose endpoints somebody wrote by hand', { ports }],
    [
      'that stands for an external name',
      { type: 'ExternalName', externalName: 'example.com', selector: { app: 'web' } },
    ],
    ['with none that is ready', { selector: { app: 'none' }, ports }],
    ['with several ports, of which none is named', { selector: { app: 'web' }, ports: [...ports, { port: 81 }] }],
  ])('gives none of a Service %s', (_, spec) => {
    expect(podBehind(service(spec), undefined, [pod('10.0.0.1')])).toMatchObject({ ok: false });
  });
});

it("does not ask pods that share the host's network, or are not ready", () => {
  const pods = [pod('192.0.2.1', { hostNetwork: true }), pod('10.0.0.1', { ready: false }), pod('')];
  expect(reachablePods(pods)).toEqual([]);
});

it('finds a port by number and by name, and refuses what is none', () => {
  const one = pod('10.0.0.1');
  expect(podPort(one, 'http')).toMatchObject({ value: { port: 8080 } });
  expect(podPort(one, '81')).toMatchObject({ value: { port: 81 } });
  for (const port of [0, 65536, -1, 'https']) expect(podPort(one, port)).toMatchObject({ ok: false });
});
