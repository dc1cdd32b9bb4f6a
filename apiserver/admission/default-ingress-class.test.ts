import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Ingress } from '../../api/networking/v1/ingress.ts';
import { startTestServer } from '../testing.ts';
import type { TestServer } from '../testing.ts';

const CLASSES = '/apis/networking.k8s.io/v1/ingressclasses';
const INGRESSES = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  for (const path of [CLASSES, INGRESSES]) await server.call('DELETE', path);
});

const makeClass = (name: string, isDefault?: string): Promise<unknown> =>
  server.call('POST', CLASSES, {
    metadata: {
      name,
      ...(isDefault === undefined ? {} : { annotations: { 'ingressclass.kubernetes.io/is-default-class': isDefault } }),
    },
    spec: { controller: 'example.com/controller' },
  });
const defaultBackend = { service: { name: 'web', port: { number: 80 } } };
const makeIngress = (spec: object = {}, annotations: Record<string, string> = {}): Promise<Ingress> =>
  server.call('POST', INGRESSES, { metadata: { name: 'i', annotations }, spec: { defaultBackend, ...spec } });

describe('DefaultIngressClass', () => {
  it('gives the default class to an Ingress without one', async () => {
    await makeClass('other', 'false');
    await makeClass('plain');
    await makeClass('wanted', 'true');
    expect((await makeIngress()).spec!.ingressClassName).toBe('wanted');
  });

  it('leaves an Ingress alone that names its class, in either way', async () => {
    await makeClass('wanted', 'true');
    expect((await makeIngress({ ingressClassName: 'own' })).spec!.ingressClassName).toBe('own');
    await server.call('DELETE', `${INGRESSES}/i`);
    const annotated = await makeIngress({}, { 'kubernetes.io/ingress.class': 'own' });
    expect(annotated.spec!.ingressClassName).toBeUndefined();
  });

  it('gives none where no class is the default', async () => {
    await makeClass('plain');
    expect((await makeIngress()).spec!.ingressClassName).toBeUndefined();
  });

  it('chooses by name between classes that were made at once', async () => {
    await makeClass('b', 'true');
    await makeClass('a', 'true');
    const made = await server.call<{ items: { metadata: { creationTimestamp: string; name: string } }[] }>(
      'GET',
      CLASSES,
    );
    const newest = [...made.items].sort((a, b) => {
      const [x, y] = [a.metadata, b.metadata];
      return y.creationTimestamp.localeCompare(x.creationTimestamp) || x.name.localeCompare(y.name);
    })[0]!;
    expect((await makeIngress()).spec!.ingressClassName).toBe(newest.metadata.name);
  });

  it('does not add a class later', async () => {
    await makeIngress();
    await makeClass('wanted', 'true');
    const updated = await server.call<Ingress>('PUT', `${INGRESSES}/i`, {
      metadata: { name: 'i' },
      spec: { defaultBackend },
    });
    expect(updated.spec!.ingressClassName).toBeUndefined();
  });
});
