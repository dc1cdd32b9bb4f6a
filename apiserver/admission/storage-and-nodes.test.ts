/** DefaultStorageClass, PersistentVolumeClaimResize, TaintNodesByCondition and DenyServiceExternalIPs. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Node } from '../../api/core/v1/node.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import type { Status } from '../../api/machinery/errors.ts';
import type { TestServer } from '../testing.ts';
import { startTestServer } from '../testing.ts';

const CLAIMS = '/api/v1/namespaces/default/persistentvolumeclaims';
const CLASSES = '/apis/storage.k8s.io/v1/storageclasses';
const MERGE = 'application/merge-patch+json';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const makeClaim = (name: string, spec: object = {}): Promise<PersistentVolumeClaim> =>
  server.call('POST', CLAIMS, {
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  });
const makeClass = (name: string, content: object = {}): Promise<unknown> =>
  server.call('POST', CLASSES, { metadata: { name }, provisioner: 'example.com/p', ...content });

describe('claims', () => {
  it('get the default class when they name none', async () => {
    expect((await makeClaim('before')).spec.storageClassName).toBeUndefined();
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    await makeClass('usual', { metadata: { name: 'usual', annotations } });
    expect((await makeClaim('after')).spec.storageClassName).toBe('usual');
    expect((await makeClaim('none', { storageClassName: '' })).spec.storageClassName).toBe('');
    expect((await makeClaim('own', { storageClassName: 'x' })).spec.storageClassName).toBe('x');
  });

  it('grow once they are bound, where their class lets them', async () => {
    await makeClass('fixed');
    await makeClass('growing', { allowVolumeExpansion: true });
    const grow = async (name: string): Promise<string | number> => {
      const body = { spec: { resources: { requests: { storage: '2Gi' } } } };
      const answer = await server.send('PATCH', `${CLAIMS}/${name}`, { body, contentType: MERGE });
      return answer.status === 403 ? (answer.body as Status).message! : answer.status;
    };
    for (const storageClassName of ['fixed', 'growing']) {
      const name = `of-${storageClassName}`;
      await makeClaim(name, { storageClassName });
      const status = { phase: 'Bound', capacity: { storage: '1Gi' } };
      await server.send('PATCH', `${CLAIMS}/${name}/status`, { body: { status }, contentType: MERGE });
    }
    await makeClaim('pending', { storageClassName: 'growing' });
    expect(await grow('of-growing')).toBe(200);
    expect(await grow('of-fixed')).toBe(
      'persistentvolumeclaims "of-fixed" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    );
    // Validation refuses it first.
    expect(await grow('pending')).toBe(422);
  });
});

it('taints a new node as not ready, once', async () => {
  const taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
  const make = (name: string, spec: object = {}): Promise<Node> =>
    server.call('POST', '/api/v1/nodes', { metadata: { name }, spec });
  expect((await make('n1')).spec.taints).toEqual([taint]);
  expect((await make('n2', { taints: [taint, { key: 'a', effect: 'NoExecute' }] })).spec.taints).toHaveLength(2);
});

it('lets nobody take foreign addresses for a Service', async () => {
  const url = '/api/v1/namespaces/default/services';
  const body = { metadata: { name: 's' }, spec: { ports: [{ port: 80 }], externalIPs: ['192.0.2.1'] } };
  const refused = await server.send('POST', url, { body });
  expect(refused).toMatchObject({
    status: 403,
    body: { message: 'services "s" is forbidden: Use of external IPs is denied by admission control.' },
  });
});
