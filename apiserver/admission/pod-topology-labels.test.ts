import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Pod } from '../../api/core/v1/pod.ts';
import { startTestServer } from '../testing.ts';
import type { TestServer } from '../testing.ts';

const PODS = '/api/v1/namespaces/default/pods';
const ZONE = 'topology.kubernetes.io/zone';
const REGION = 'topology.kubernetes.io/region';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  const labels = { [ZONE]: 'z1', [REGION]: 'r1', disk: 'ssd' };
  await server.call('POST', '/api/v1/nodes', { metadata: { name: 'n1', labels } });
  await server.call('POST', '/api/v1/nodes', { metadata: { name: 'bare' } });
});
afterAll(() => server.close());

const create = (name: string, { labels, nodeName }: { labels?: object; nodeName?: string } = {}): Promise<Pod> =>
  server.call('POST', PODS, {
    metadata: { name, labels },
    spec: { nodeName, containers: [{ name: 'c', image: 'i' }] },
  });
const bind = (name: string, node: string, metadata: object = {}): Promise<unknown> =>
  server.call('POST', `${PODS}/${name}/binding`, { metadata, target: { kind: 'Node', name: node } });
const labelsOf = async (name: string): Promise<unknown> =>
  (await server.call<Pod>('GET', `${PODS}/${name}`)).metadata.labels;

describe('PodTopologyLabels [A35]', () => {
  it('gives a pod the zone and region of the node that it is bound to', async () => {
    await create('p', { labels: { app: 'web' } });
    await bind('p', 'n1');
    expect(await labelsOf('p')).toEqual({ app: 'web', [ZONE]: 'z1', [REGION]: 'r1' });
  });

  it('leaves what a binding says itself', async () => {
    await create('q');
    await bind('q', 'n1', { labels: { [ZONE]: 'mine' } });
    expect(await labelsOf('q')).toEqual({ [ZONE]: 'mine', [REGION]: 'r1' });
  });

  it('looks at the node of a pod that comes with one, and leaves the pod’s own labels', async () => {
    expect((await create('r', { labels: { [ZONE]: 'own' }, nodeName: 'n1' })).metadata.labels).toEqual({
      [ZONE]: 'own',
      [REGION]: 'r1',
    });
  });

  it('adds nothing where the node has no such labels, or is not there', async () => {
    expect((await create('s', { nodeName: 'bare' })).metadata.labels).toBeUndefined();
    expect((await create('t', { nodeName: 'gone' })).metadata.labels).toBeUndefined();
  });
});
