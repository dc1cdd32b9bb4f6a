import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import type { Job } from '../../api/batch/v1/job.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer, testAdmin } from '../../apiserver/testing.ts';
import { installOwnDefinitions } from '../../cli/own-definitions.ts';
import { inProcessClient } from '../../client/in-process.ts';
import { replicaSetController } from '../replica-set.ts';
import { eventually, runControllers } from '../testing.ts';
import { rolloutController } from './rollout.ts';
import type { Rollout } from './types.ts';
import { ABORT, HASH_LABEL, PROMOTE } from './types.ts';

const ROLLOUTS = '/apis/rollouts.nocher.io/v1alpha1/namespaces/default/rollouts';
const SERVICES = '/api/v1/namespaces/default/services';
const PODS = '/api/v1/namespaces/default/pods';
const SETS = '/apis/apps/v1/namespaces/default/replicasets';
const JOBS = '/apis/batch/v1/namespaces/default/jobs';

const template = (image: string): object => ({
  metadata: { labels: { app: 'web' } },
  // The API writes the quantity in another way.
  spec: { containers: [{ name: 'web', image, resources: { limits: { cpu: 0.5 } } }] },
});

const manifest = (strategy: object, image = 'web:1'): object => ({
  apiVersion: 'rollouts.nocher.io/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'web' },
  spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: template(image), strategy },
});

describe('the controller of Rollouts, over the API', () => {
  let server: TestServer;
  let stop: () => Promise<void>;
  let kubelet: NodeJS.Timeout;

  beforeAll(async () => {
    server = await startTestServer();
    const client = inProcessClient({ handler: server.api.handler, user: testAdmin, userAgent: 'test' });
    await installOwnDefinitions(client);
    stop = runControllers(server.api.handler, [rolloutController(), replicaSetController]);
    kubelet = setInterval(() => void startPods(), 20);
    for (const name of ['active', 'preview'])
      await server.call('POST', SERVICES, {
        metadata: { name },
        spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
      });
  });
  afterAll(async () => {
    clearInterval(kubelet);
    await stop?.();
    await server?.close();
  });
  afterEach(async () => {
    await server.send('DELETE', `${ROLLOUTS}/web`);
    // No garbage collector runs here: the orphans of Jobs would be waited for.
    for (const url of [SETS, PODS, JOBS]) await server.send('DELETE', `${url}?propagationPolicy=Background`);
    await eventually(async () =>
      (await server.call<{ items: [] }>('GET', SETS)).items.length === 0 ? true : undefined,
    );
  });

  /** Pods of every image but `bad` are ready at once. */
  const startPods = async (): Promise<void> => {
    const { items } = await server.call<{ items: Pod[] }>('GET', PODS);
    const waiting = items.filter(
      ({ spec, status }) => status?.phase !== 'Running' && spec.containers[0]!.image !== 'bad',
    );
    const ready = { type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() };
    for (const { metadata } of waiting)
      await server.send('PATCH', `${PODS}/${metadata.name}/status`, {
        contentType: 'application/merge-patch+json',
        body: { status: { phase: 'Running', conditions: [ready] } },
      });
  };

  const read = (): Promise<Rollout> => server.call<Rollout>('GET', `${ROLLOUTS}/web`);
  const patch = async (body: object): Promise<void> => {
    const contentType = 'application/merge-patch+json';
    const { status } = await server.send('PATCH', `${ROLLOUTS}/web`, { contentType, body });
    expect(status).toBe(200);
  };
  const reaches = (phase: string, image: string): Promise<Rollout> =>
    eventually(async () => {
      const rollout = await read();
      const { observedGeneration, phase: now } = rollout.status ?? {};
      const isMeant = rollout.spec.template.spec!.containers[0]!.image === image;
      return isMeant && observedGeneration === rollout.metadata.generation && now === phase ? rollout : undefined;
    });
  const imageServed = async (service: string): Promise<string | undefined> => {
    const { spec } = await server.call<Service>('GET', `${SERVICES}/${service}`);
    const { items } = await server.call<{ items: ReplicaSet[] }>('GET', SETS);
    const hash = spec!.selector![HASH_LABEL];
    return items.find(({ metadata }) => metadata.labels?.[HASH_LABEL] === hash)?.spec.template.spec!.containers[0]!
      .image;
  };

  it('promotes, aborts, and goes back to a revision with the ReplicaSet that it has', async () => {
    const strategy = { blueGreen: { activeService: 'active', previewService: 'preview', autoPromotionEnabled: false } };
    await server.call('POST', ROLLOUTS, manifest(strategy));
    const first = await reaches('Healthy', 'web:1');
    expect(first.status).toMatchObject({ replicas: 2, availableReplicas: 2, revision: 1, selector: 'app=web' });
    expect(await imageServed('active')).toBe('web:1');

    await patch({ spec: { template: template('web:2') } });
    await reaches('Paused', 'web:2');
    expect([await imageServed('active'), await imageServed('preview')]).toEqual(['web:1', 'web:2']);
    await patch({ metadata: { annotations: { [PROMOTE]: '2' } } });
    await reaches('Healthy', 'web:2');
    expect(await imageServed('active')).toBe('web:2');

    await patch({ spec: { template: template('bad') } });
    await patch({ metadata: { annotations: { [ABORT]: '3' } } });
    await reaches('Degraded', 'bad');
    expect(await imageServed('active')).toBe('web:2');

    // What the ReplicaSet has, put back as it is.
    const { items } = await server.call<{ items: ReplicaSet[] }>('GET', SETS);
    const former = items.find(({ spec }) => spec.template.spec!.containers[0]!.image === 'web:1')!;
    const { [HASH_LABEL]: _, ...labels } = former.spec.template.metadata!.labels!;
    await patch({ spec: { template: { ...former.spec.template, metadata: { labels } } } });
    const back = await reaches('Healthy', 'web:1');
    expect(back.status).toMatchObject({ revision: 4, currentPodHash: former.metadata.labels![HASH_LABEL] });
    expect((await server.call<{ items: [] }>('GET', SETS)).items).toHaveLength(3);
  });

  it('waits for the Job of a check', async () => {
    const job = {
      template: { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'b' }] } } } },
    };
    const prePromotionChecks = [{ name: 'smoke', timeoutSeconds: 600, job }];
    await server.call('POST', ROLLOUTS, manifest({ blueGreen: { activeService: 'active', prePromotionChecks } }));
    await reaches('Healthy', 'web:1');
    await patch({ spec: { template: template('web:2') } });
    const made = await eventually(async () => (await server.call<{ items: Job[] }>('GET', JOBS)).items[0]);
    expect(made.metadata.ownerReferences).toMatchObject([{ kind: 'Rollout', name: 'web', controller: true }]);
    expect(await imageServed('active')).toBe('web:1');
    const now = new Date().toISOString();
    const conditions = ['SuccessCriteriaMet', 'Complete'].map((type) => ({
      type,
      status: 'True',
      lastTransitionTime: now,
    }));
    const { status, body } = await server.send('PATCH', `${JOBS}/${made.metadata.name}/status`, {
      contentType: 'application/merge-patch+json',
      body: { status: { startTime: now, completionTime: now, succeeded: 1, conditions } },
    });
    expect([status, body]).toEqual([200, expect.anything()]);
    await reaches('Healthy', 'web:2');
    expect(await imageServed('active')).toBe('web:2');
  });

  it('fails a check whose Job the API refuses, and deletes the Jobs of versions that are gone', async () => {
    const container = { name: 'a', image: 'b' };
    const job = (restartPolicy: string): object => ({
      template: { spec: { template: { spec: { restartPolicy, containers: [container] } } } },
    });
    const strategy = (restartPolicy: string): object => ({
      blueGreen: { activeService: 'active', prePromotionChecks: [{ name: 'smoke', job: job(restartPolicy) }] },
    });
    const object = manifest(strategy('Always')) as { spec: object };
    await server.call('POST', ROLLOUTS, { ...object, spec: { ...object.spec, revisionHistoryLimit: 0 } });
    await reaches('Healthy', 'web:1');
    await patch({ spec: { template: template('web:2') } });
    const { status } = await reaches('Degraded', 'web:2');
    expect(status!.message).toContain('spec.template.spec.restartPolicy');
    expect(await imageServed('active')).toBe('web:1');

    await patch({ spec: { template: template('web:3'), strategy: strategy('Never') } });
    const [made] = await eventually(async () => {
      const { items } = await server.call<{ items: Job[] }>('GET', JOBS);
      return items.length > 0 ? items : undefined;
    });
    await patch({ spec: { template: template('web:1') } });
    await eventually(async () =>
      (await server.send('GET', `${JOBS}/${made!.metadata.name}`)).status === 404 ? true : undefined,
    );
  });

  it('says what is wrong, and goes on once it is mended', async () => {
    await server.call('POST', ROLLOUTS, manifest({ blueGreen: { activeService: 'missing' } }));
    const missing = await reaches('Degraded', 'web:1');
    expect(missing.status).toMatchObject({
      message: 'Service missing was not found',
      conditions: [{ type: 'InvalidSpec', status: 'True' }],
    });
    await patch({ spec: { strategy: { blueGreen: { activeService: 'active' } } } });
    const mended = await reaches('Healthy', 'web:1');
    expect(mended.status!.conditions!.map(({ type }) => type)).not.toContain('InvalidSpec');

    const wrong = {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'Not A Name', image: 'bad' }] },
    };
    await patch({ spec: { template: wrong } });
    const invalid = await reaches('Degraded', 'bad');
    expect(invalid.status!.message).toContain('spec.template.spec.containers[0].name: Invalid value: "Not A Name"');
    expect(await imageServed('active')).toBe('web:1');
  });

  it('refuses what the schema does not allow', async () => {
    const problems = async (strategy: object, changes: object = {}): Promise<string> => {
      const object = manifest(strategy) as { spec: object };
      const { status, body } = await server.send('POST', ROLLOUTS, {
        body: { ...object, spec: { ...object.spec, ...changes } },
      });
      expect(status).toBe(422);
      return (body as { message: string }).message;
    };
    expect(await problems({})).toContain('exactly one of blueGreen and canary must be set');
    expect(await problems({ blueGreen: { activeService: 'a', previewService: 'a' } })).toContain(
      'must not be the activeService',
    );
    expect(await problems({ canary: { maxSurge: 0, maxUnavailable: '0%' } })).toContain(
      'may not be 0 when maxSurge is 0',
    );
    expect(await problems({ canary: { steps: [{ check: { name: 'a' } }] } })).toContain(
      'exactly one of probe, http and job',
    );
    expect(await problems({ canary: {} }, { selector: { matchLabels: { app: 'other' } } })).toContain(
      'must match the labels of the template',
    );
    expect(await problems({ canary: {} }, { selector: {} })).toContain('empty selector is invalid');
  });
});
