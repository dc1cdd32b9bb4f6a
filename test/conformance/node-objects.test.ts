/** Objects that the node group keeps: Nodes, Leases and PodTemplates, from creation to deletion. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json } from './conformance.ts';
import { isRoot, pod, startConformance } from './conformance.ts';

const suite = isRoot ? describe : describe.skip;
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
const TEMPLATES = '/api/v1/namespaces/default/podtemplates';
const NODES = '/api/v1/nodes';

let cluster: Conformance;

const namesIn = async (path: string): Promise<string[]> =>
  (await cluster.get(path)).items.map(({ metadata }: Json) => metadata.name);
const selected = (path: string, selector: string): string => `${path}?labelSelector=${encodeURIComponent(selector)}`;
const template = (name: string, labels: Json): Json => ({
  metadata: { name, labels },
  template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'nocher.local/hello:1' }] } },
});

suite('objects of the node group', () => {
  beforeAll(async () => {
    cluster = await startConformance();
  }, 90_000);
  afterAll(() => cluster?.stop(), 60_000);

  it('keeps leases [conformance: lease API should be available]', async () => {
    const spec = {
      holderIdentity: 'holder',
      leaseDurationSeconds: 30,
      acquireTime: '2026-01-02T03:04:05.000006Z',
      renewTime: '2026-01-02T03:04:10.000006Z',
      leaseTransitions: 0,
    };
    await cluster.post(LEASES, { metadata: { name: 'lease-1' }, spec });
    expect((await cluster.get(`${LEASES}/lease-1`)).spec).toEqual(spec);
    const next = {
      holderIdentity: 'holder2',
      leaseDurationSeconds: 60,
      acquireTime: '2026-01-02T03:05:05.000006Z',
      renewTime: '2026-01-02T03:05:10.000006Z',
      leaseTransitions: 1,
    };
    await cluster.update(`${LEASES}/lease-1`, (lease) => (lease.spec = next));
    expect((await cluster.get(`${LEASES}/lease-1`)).spec).toEqual(next);
    await cluster.patch(
      `${LEASES}/lease-1`,
      { spec: { holderIdentity: 'holder3', leaseDurationSeconds: 90 } },
      'strategic-merge',
    );
    expect((await cluster.get(`${LEASES}/lease-1`)).spec).toEqual({
      ...next,
      holderIdentity: 'holder3',
      leaseDurationSeconds: 90,
    });
    await cluster.post(LEASES, { metadata: { name: 'lease-2', labels: { deletecollection: 'true' } }, spec });
    expect(await namesIn(LEASES)).toEqual(['lease-1', 'lease-2']);
    await cluster.remove(selected(LEASES, 'deletecollection=true'));
    expect(await namesIn(LEASES)).toEqual(['lease-1']);
    await cluster.remove(`${LEASES}/lease-1`);
    const { status, body } = await cluster.send('GET', `${LEASES}/lease-1`);
    expect({ status, reason: body.reason }).toEqual({ status: 404, reason: 'NotFound' });
  });

  it('keeps nodes [conformance: Node, resource lifecycle]', async () => {
    const created = await cluster.post(NODES, {
      metadata: { name: 'fake-node' },
      status: {
        phase: 'Running',
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            message: 'Set from e2e test',
            reason: 'E2E',
            lastHeartbeatTime: '2026-01-02T03:04:05Z',
            lastTransitionTime: '2026-01-02T03:04:05Z',
          },
        ],
      },
    });
    expect(created.metadata.name).toBe('fake-node');
    expect((await cluster.get(`${NODES}/fake-node`)).metadata.uid).toBe(created.metadata.uid);
    const patched = await cluster.patch(
      `${NODES}/fake-node`,
      { metadata: { labels: { 'fake-node': 'patched' } } },
      'strategic-merge',
    );
    expect(patched.metadata.labels['fake-node']).toBe('patched');
    expect(await namesIn(selected(NODES, 'fake-node=patched'))).toEqual(['fake-node']);
    const updated = await cluster.update(
      `${NODES}/fake-node`,
      ({ metadata }) => (metadata.labels['fake-node'] = 'updated'),
    );
    expect(updated.metadata.labels['fake-node']).toBe('updated');
    expect(await namesIn(selected(NODES, 'fake-node=updated'))).toEqual(['fake-node']);
    await cluster.remove(`${NODES}/fake-node`);
    expect((await cluster.send('GET', `${NODES}/fake-node`)).status).toBe(404);
    expect(await namesIn(selected(NODES, 'fake-node=updated'))).toEqual([]);
  });

  it('refuses a pod of a runtime class that is none [conformance: Pod with the non-existing RuntimeClass is rejected.]', async () => {
    const pods = '/api/v1/namespaces/default/pods';
    const refused = async (more: Json): Promise<Json> => {
      const { status, body } = await cluster.send('POST', pods, { body: pod('refused', more) });
      return { status, reason: body.reason, message: body.message };
    };
    const forbidden = (cause: string): Json => ({
      status: 403,
      reason: 'Forbidden',
      message: `pods "refused" is forbidden: pod rejected: ${cause}`,
    });
    expect(await refused({ runtimeClassName: 'nonexistent' })).toEqual(
      forbidden('RuntimeClass "nonexistent" not found'),
    );
    expect(await refused({ overhead: { cpu: '1' } })).toEqual(
      forbidden('Pod Overhead set without corresponding RuntimeClass defined Overhead'),
    );
    expect(await namesIn(pods)).toEqual([]);
  });

  it('keeps pod templates [conformance: PodTemplate lifecycle]', async () => {
    await cluster.post(TEMPLATES, template('lives', { 'podtemplate-static': 'true' }));
    expect(await namesIn(selected('/api/v1/podtemplates', 'podtemplate-static=true'))).toEqual(['lives']);
    await cluster.patch(`${TEMPLATES}/lives`, { metadata: { labels: { podtemplate: 'patched' } } }, 'strategic-merge');
    const read = await cluster.get(`${TEMPLATES}/lives`);
    expect(read.metadata.labels).toEqual({ 'podtemplate-static': 'true', podtemplate: 'patched' });
    expect(read.template.spec.containers[0]).toMatchObject({ name: 'c', image: 'nocher.local/hello:1' });
    await cluster.remove(`${TEMPLATES}/lives`);
    expect(await namesIn(selected('/api/v1/podtemplates', 'podtemplate=patched'))).toEqual([]);
  });

  it('deletes pod templates by selector [conformance: PodTemplate, delete a collection]', async () => {
    for (const name of ['set-1', 'set-2', 'set-3'])
      await cluster.post(TEMPLATES, template(name, { 'podtemplate-set': 'true' }));
    expect(await namesIn(selected(TEMPLATES, 'podtemplate-set=true'))).toEqual(['set-1', 'set-2', 'set-3']);
    await cluster.remove(selected(TEMPLATES, 'podtemplate-set=true'));
    expect(await namesIn(selected(TEMPLATES, 'podtemplate-set=true'))).toEqual([]);
  });

  it('replaces a pod template [conformance: PodTemplate, replace]', async () => {
    await cluster.post(TEMPLATES, template('replaced', { type: 'Testing' }));
    const updated = await cluster.update(
      `${TEMPLATES}/replaced`,
      ({ metadata }) => (metadata.annotations = { updated: 'true' }),
    );
    expect(updated.metadata.annotations).toEqual({ updated: 'true' });
    expect((await cluster.get(`${TEMPLATES}/replaced`)).metadata.annotations).toEqual({ updated: 'true' });
  });
});
