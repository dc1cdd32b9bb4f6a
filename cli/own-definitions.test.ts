import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { customResourceDefinitions } from '../api/apiextensions/v1/custom-resource-definition.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { startTestServer, testAdmin } from '../apiserver/testing.ts';
import { inProcessClient } from '../client/in-process.ts';
import type { Client } from '../client/client.ts';
import { installOwnDefinitions, ownDefinitions } from './own-definitions.ts';
import { packageFolder } from './package-folder.ts';

const URL = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/rollouts.rollouts.nocher.io';

interface Definition {
  metadata: { resourceVersion: string; labels?: Record<string, string> };
  spec: { names: { shortNames: string[] } };
  status: { conditions: { type: string; status: string; message: string }[] };
}

describe('the definitions that come with Nocher', () => {
  let server: TestServer;
  let client: Client;
  beforeAll(async () => {
    server = await startTestServer();
    client = inProcessClient({ handler: server.api.handler, user: testAdmin, userAgent: 'test' });
    await installOwnDefinitions(client);
  });
  afterAll(() => server.close());

  it('are structural, and are served', async () => {
    const found = await server.call<Definition>('GET', URL);
    const conditions = Object.fromEntries(found.status.conditions.map(({ type, status }) => [type, status]));
    expect(conditions).toEqual({ NamesAccepted: 'True', Established: 'True' });
    const { status } = await server.send('GET', '/apis/rollouts.nocher.io/v1alpha1/rollouts');
    expect(status).toBe(200);
  });

  it('are not written again when nothing changed', async () => {
    const before = await server.call<Definition>('GET', URL);
    await installOwnDefinitions(client);
    const after = await server.call<Definition>('GET', URL);
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  it('are the same from the build and from the files', async () => {
    const root = mkdtempSync(join(tmpdir(), 'nocher-definitions-'));
    try {
      symlinkSync(join(packageFolder(), 'crds'), join(root, 'crds'));
      const parsed = await ownDefinitions(root);
      expect(parsed.map(({ metadata }) => metadata.name)).toEqual(['rollouts.rollouts.nocher.io']);
      mkdirSync(join(root, 'dist/generated'), { recursive: true });
      writeFileSync(join(root, 'dist/generated/definitions.json'), JSON.stringify([...parsed, ...parsed]));
      expect(await ownDefinitions(root)).toEqual([...parsed, ...parsed]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it('are brought to this release, and keep what others added', async () => {
    const [definition] = await ownDefinitions();
    const older = structuredClone(definition!);
    older.spec.names.shortNames = ['ro', 'older'];
    await installOwnDefinitions(client, [older]);
    await client.patch(
      customResourceDefinitions,
      { name: older.metadata.name! },
      { type: 'merge', body: { metadata: { labels: { team: 'web' } } } },
    );
    await installOwnDefinitions(client);
    const found = await server.call<Definition>('GET', URL);
    expect(found.spec.names.shortNames).toEqual(['ro']);
    expect(found.metadata.labels).toEqual({ team: 'web' });
  });
});
