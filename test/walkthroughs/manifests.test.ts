/**
 * The manifests of the walkthroughs apply as they were printed, years ago: created and applied again by the server's
 * side, in strict mode, with nothing said but that a version is old.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { apiVersionOf } from '../../api/machinery/resource.ts';
import { resources } from '../../api/resources.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

type Manifest = ApiObject & { spec?: Record<string, unknown> };

const textOf = (name: string): string =>
  readFileSync(new URL(`manifests/${name.toLowerCase()}.yaml`, import.meta.url), 'utf8');
const documentsOf = (name: string): Manifest[] =>
  parseAllDocuments(textOf(name)).map((document) => document.toJS() as Manifest);

/** M1 to M19. */
const NAMES = Array.from({ length: 19 }, (_, i) => `M${String(i + 1).padStart(2, '0')}`);

/** The kinds that the text leaves open take every version that it may have meant. */
const variants = (name: string): [string, Manifest[]][] => {
  const documents = documentsOf(name);
  const older = ['apps/v1beta2', 'apps/v1beta1'].map((apiVersion): [string, Manifest[]] => [
    `${name} in ${apiVersion}`,
    documents.map((one) => (one.apiVersion === 'apps/v1' ? { ...one, apiVersion } : one)),
  ]);
  return [[name, documents], ...(['M09', 'M19'].includes(name) ? older : [])];
};

async function namespaceFor(name: string): Promise<string> {
  const namespace = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  await server.call('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  await server.call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'default' } });
  return namespace;
}

function collectionOf({ apiVersion, kind }: Manifest, namespace: string): string {
  const resource = resources.find((one) => apiVersionOf(one) === apiVersion && one.names.kind === kind);
  if (resource === undefined) throw new Error(`${apiVersion} ${kind} is not served`);
  const root = resource.group === '' ? 'api' : 'apis';
  return `/${root}/${apiVersion}/namespaces/${namespace}/${resource.names.plural}`;
}

describe.each(NAMES.flatMap(variants))('%s', (name, documents) => {
  it('is created as it stands, applied again without a change, and deleted', async () => {
    const namespace = await namespaceFor(name);
    for (const manifest of documents) {
      const collection = collectionOf(manifest, namespace);
      const url = `${collection}/${manifest.metadata.name!}`;
      const body = JSON.stringify(manifest);
      const created = await server.send('POST', `${collection}?fieldValidation=Strict`, {
        body,
        contentType: 'application/yaml',
      });
      expect([created.status, created.body]).toEqual([201, expect.objectContaining({ kind: manifest.kind })]);
      const warnings = [created.headers['warning'] ?? []].flat();
      expect(warnings.filter((text) => !text.includes('is deprecated in'))).toEqual([]);
      expect(warnings).toHaveLength(manifest.apiVersion!.includes('beta') ? 1 : 0);
      const options = { body, contentType: 'application/apply-patch+yaml' };
      const query = 'fieldManager=again&force=true&fieldValidation=Strict';
      const first = await server.send('PATCH', `${url}?${query}`, options);
      const second = await server.send('PATCH', `${url}?${query}`, options);
      expect([first.status, second.status]).toEqual([200, 200]);
      expect(second.body).toEqual(first.body);
    }
    for (const manifest of documents) {
      const url = `${collectionOf(manifest, namespace)}/${manifest.metadata.name!}`;
      const { status } = await server.send('DELETE', url, { body: { propagationPolicy: 'Background' } });
      expect(status).toBe(200);
    }
  });
});

describe('what the manifests leave out', () => {
  const make = async (name: string): Promise<Manifest> => {
    const namespace = await namespaceFor(`defaults-${name}`);
    const [manifest] = documentsOf(name);
    const made = await server.call<Manifest>('POST', collectionOf(manifest!, namespace), manifest);
    const current = { ...manifest!, apiVersion: 'apps/v1' };
    return server.call('GET', `${collectionOf(current, namespace)}/${made.metadata.name!}`);
  };

  it('lets a rolling update of the first versions take one pod more and one less (M12)', async () => {
    expect((await make('M12')).spec).toMatchObject({
      replicas: 5,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
    });
  });

  it('gives a StatefulSet one replica and ordered pods (M9)', async () => {
    expect((await make('M09')).spec).toMatchObject({ replicas: 1, podManagementPolicy: 'OrderedReady' });
  });
});
