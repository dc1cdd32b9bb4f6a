import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestServer } from '../../../apiserver/testing.ts';
import type { TestServer } from '../../../apiserver/testing.ts';
import { deepFreeze } from '../../../base/freeze.ts';
import { extensionsIngresses } from '../../extensions/v1beta1/ingress.ts';
import type { Ingress } from '../v1/ingress.ts';
import { ingressesV1beta1 } from './ingress.ts';
import type { OldIngress } from './ingress.ts';

const NEW = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';
const OLD = '/apis/networking.k8s.io/v1beta1/namespaces/default/ingresses';
const OLDEST = '/apis/extensions/v1beta1/namespaces/default/ingresses';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const paths = (backend: object, rest: object = {}) => ({
  rules: [{ host: 'a.com', http: { paths: [{ backend, ...rest }] } }],
});

describe('the old form of an Ingress', () => {
  const { toStored, fromStored } = ingressesV1beta1.view!;

  it.each([
    [{ serviceName: 'web', servicePort: 80 }, { service: { name: 'web', port: { number: 80 } } }],
    [{ serviceName: 'web', servicePort: 'http' }, { service: { name: 'web', port: { name: 'http' } } }],
    [{ resource: { kind: 'K', name: 'n' } }, { resource: { kind: 'K', name: 'n' } }],
    [{}, {}],
  ])('has the backend %j for %j', (old, stored) => {
    const oldForm = deepFreeze({ metadata: {}, spec: { backend: old, ...paths(old) } }) as OldIngress;
    const storedForm = { metadata: {}, spec: { defaultBackend: stored, ...paths(stored) } };
    expect(toStored(oldForm)).toEqual(storedForm);
    expect(fromStored(deepFreeze(storedForm))).toEqual(oldForm);
  });

  it('keeps what both forms have, and only names its version where one was named', () => {
    const spec = { ingressClassName: 'n', tls: [{ hosts: ['a'] }] };
    expect(toStored({ apiVersion: 'networking.k8s.io/v1beta1', metadata: { name: 'i' }, spec })).toEqual({
      apiVersion: 'networking.k8s.io/v1',
      metadata: { name: 'i' },
      spec,
    });
    expect(toStored({ metadata: {}, spec })).toEqual({ metadata: {}, spec });
    expect(extensionsIngresses.view!.fromStored({ apiVersion: 'networking.k8s.io/v1', metadata: {} })).toEqual({
      apiVersion: 'extensions/v1beta1',
      metadata: {},
    });
  });
});

describe('older versions of Ingress on a server', () => {
  it('are one object, each in its own form', async () => {
    const spec = paths({ serviceName: 'web', servicePort: 80 }, { path: '/' });
    const made = await server.call<OldIngress>('POST', OLDEST, { metadata: { name: 'one' }, spec });
    expect(made).toMatchObject({
      apiVersion: 'extensions/v1beta1',
      metadata: { generation: 1 },
      spec: paths({ serviceName: 'web', servicePort: 80 }, { path: '/', pathType: 'ImplementationSpecific' }),
    });
    const stored = await server.call<Ingress>('GET', `${NEW}/one`);
    expect(stored).toMatchObject({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      spec: paths({ service: { name: 'web', port: { number: 80 } } }, { pathType: 'ImplementationSpecific' }),
    });
    expect((await server.call<OldIngress>('GET', `${OLD}/one`)).apiVersion).toBe('networking.k8s.io/v1beta1');
    // A read in one version and a write in another change nothing.
    const { metadata } = await server.call<OldIngress>('PUT', `${OLD}/one`, await server.call('GET', `${OLD}/one`));
    expect(metadata.resourceVersion).toBe(stored.metadata.resourceVersion);
    const patched = await server.send('PATCH', `${OLD}/one`, {
      body: { spec: { backend: { serviceName: 'rest', servicePort: 'http' } } },
      contentType: 'application/merge-patch+json',
    });
    expect(patched).toMatchObject({ status: 200, body: { metadata: { generation: 2 } } });
    expect((await server.call<Ingress>('GET', `${NEW}/one`)).spec!.defaultBackend).toEqual({
      service: { name: 'rest', port: { name: 'http' } },
    });
  });

  it('are refused in the words of the stored version', async () => {
    const { status, body } = await server.send('POST', OLD, {
      body: { metadata: { name: 'bad' }, spec: { backend: { serviceName: 'Web', servicePort: 80 } } },
    });
    expect(status).toBe(422);
    expect((body as { message: string }).message).toMatch(
      /^Ingress.networking.k8s.io "bad" is invalid: spec.defaultBackend.service.name: Invalid value: "Web"/,
    );
  });

  it.each([
    [
      OLD,
      'networking.k8s.io/v1beta1 Ingress is deprecated in v1.19+, unavailable in v1.22+; use networking.k8s.io/v1 Ingress',
    ],
    [
      OLDEST,
      'extensions/v1beta1 Ingress is deprecated in v1.14+, unavailable in v1.22+; use networking.k8s.io/v1 Ingress',
    ],
  ])('warn who uses %s', async (path, text) => {
    const { headers } = await server.send('GET', path);
    expect([headers['warning']].flat().join()).toBe(`299 - "${text}"`);
  });

  it('stand behind the current version in discovery, and in no category', async () => {
    const { groups } = await server.call<{ groups: { name: string; preferredVersion: { version: string } }[] }>(
      'GET',
      '/apis',
    );
    const names = groups.map(({ name }) => name);
    expect(names.indexOf('extensions')).toBeGreaterThan(names.indexOf('networking.k8s.io'));
    expect(groups.find(({ name }) => name === 'networking.k8s.io')!.preferredVersion.version).toBe('v1');
    const { resources } = await server.call<{ resources: { categories?: string[] }[] }>(
      'GET',
      '/apis/extensions/v1beta1',
    );
    expect(resources.flatMap(({ categories = [] }) => categories)).toEqual([]);
  });

  it('are watched in their own form', async () => {
    const stop = new AbortController();
    try {
      const events = await server.watch(`${OLD}?watch=true&resourceVersion=0`, stop.signal);
      const { value } = await events.next();
      expect(JSON.parse(JSON.stringify(value))).toMatchObject({
        type: 'ADDED',
        object: { apiVersion: 'networking.k8s.io/v1beta1' },
      });
    } finally {
      stop.abort();
    }
  });
});
