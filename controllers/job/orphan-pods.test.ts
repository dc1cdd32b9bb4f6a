import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Job } from '../../api/batch/v1/job.ts';
import { jobs } from '../../api/batch/v1/job.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer, testAdmin } from '../../apiserver/testing.ts';
import type { Client } from '../../client/client.ts';
import { inProcessClient } from '../../client/in-process.ts';
import { newControllerRef } from '../../client/owner-references.ts';
import { eventually, runControllers } from '../testing.ts';
import { orphanPodsOfJobs } from './orphan-pods.ts';
import { isTracked, removeTrackingFinalizer, TRACKING_FINALIZER } from './tracking-finalizer.ts';

let server: TestServer;
let client: Client;
let stop: () => Promise<void>;
beforeAll(async () => {
  server = await startTestServer();
  client = inProcessClient({ handler: server.api.handler, user: testAdmin, userAgent: 'test' });
  stop = runControllers(server.api.handler, [orphanPodsOfJobs]);
});
afterAll(async () => {
  await stop();
  await server.close();
});

const namespace = 'default';
const containers = [{ name: 'c', image: 'i' }];

function makeJob(name: string): Promise<Job> {
  const template = { spec: { restartPolicy: 'Never', containers } };
  return client.create<Job>(jobs, { metadata: { namespace, name }, spec: { template } } as Job);
}

function makePod(name: string, owner?: Job): Promise<Pod> {
  const ownerReferences = owner === undefined ? [] : [newControllerRef(owner, jobs)];
  const metadata = { namespace, name, ownerReferences, finalizers: [TRACKING_FINALIZER] };
  return client.create<Pod>(pods, { metadata, spec: { containers } } as Pod);
}

const read = (name: string): Promise<Pod> => client.get<Pod>(pods, { namespace, name });
const freed = (name: string): Promise<true> => eventually(async () => (isTracked(await read(name)) ? undefined : true));

it('frees pods that no Job will count, and no others', async () => {
  const running = await makeJob('running');
  const gone = await makeJob('gone');
  await makePod('counted', running);
  await client.delete(jobs, { namespace, name: 'gone' }, { propagationPolicy: 'Background' });
  await makePod('of-a-job-that-is-gone', gone);
  await makePod('of-nobody');
  await freed('of-nobody');
  await freed('of-a-job-that-is-gone');
  expect(isTracked(await read('counted'))).toBe(true);
  // Left behind by its Job, as a deletion that orphans does it.
  await client.patch<Pod>(
    pods,
    { namespace, name: 'counted' },
    { type: 'merge', body: { metadata: { ownerReferences: null } } },
  );
  await freed('counted');
});

it('does not free a pod that was adopted after it was looked at', async () => {
  const seen = await makePod('seen', await makeJob('seen'));
  await client.patch<Pod>(
    pods,
    { namespace, name: 'seen' },
    { type: 'merge', body: { metadata: { labels: { a: 'b' } } } },
  );
  await expect(removeTrackingFinalizer(seen, client, { isStill: true })).rejects.toMatchObject({ reason: 'Conflict' });
  await removeTrackingFinalizer(seen, client);
  expect(isTracked(await read('seen'))).toBe(false);
});
