/** Jobs and CronJobs: upstream's test/e2e/apps, with pods that really run. All Jobs start at once; each test looks at its own. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from './conformance.ts';
import { eventually, IMAGE, isRoot } from './conformance.ts';
import type { PodCluster } from './pods.ts';
import { shell, startPodCluster } from './pods.ts';

const suite = isRoot ? describe : describe.skip;
const PODS = '/api/v1/namespaces/default/pods';
const EVENTS = '/api/v1/namespaces/default/events';
const JOBS = '/apis/batch/v1/namespaces/default/jobs';
const CRON_JOBS = '/apis/batch/v1/namespaces/default/cronjobs';
const WAIT_MS = 60_000;

const INDEX = 'batch.kubernetes.io/job-completion-index';
const FOREVER = 'sleep 1000 & wait';
const INDEXED = { completionMode: 'Indexed' };

let cluster: PodCluster;
let folder = '';

const template = (script: string, spec: Json = {}): Json => ({
  metadata: {},
  spec: {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'c', image: IMAGE, ...shell(script) }],
    ...spec,
  },
});
const job = (name: string, script: string, spec: Json = {}): Json => ({
  metadata: { name },
  spec: { template: template(script), ...spec },
});
const byExitCode = (action: string): Json => ({
  rules: [{ action, onExitCodes: { operator: 'In', values: [42] } }],
});

/** By index: the Jobs that the tests below wait for. */
const STARTED: readonly Json[] = [
  job('restarts', '', {
    completions: 4,
    parallelism: 4,
    template: template('', {
      restartPolicy: 'OnFailure',
      volumes: [{ name: 'data', emptyDir: {} }],
      containers: [
        {
          name: 'c',
          image: IMAGE,
          ...shell('[ -e /data/again ] || { echo > /data/again; exit 1; }'),
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        },
      ],
    }),
  }),
  job('fails-early', 'exit 42', { completions: 2, parallelism: 1, podFailurePolicy: byExitCode('FailJob') }),
  job('indexes', 'echo $JOB_COMPLETION_INDEX', { ...INDEXED, completions: 4, parallelism: 2 }),
  job('per-index', 'exit $((JOB_COMPLETION_INDEX % 2))', {
    ...INDEXED,
    completions: 4,
    parallelism: 4,
    backoffLimitPerIndex: 1,
  }),
  job('fail-index', '[ $JOB_COMPLETION_INDEX -eq 1 ] || exit 42', {
    ...INDEXED,
    completions: 2,
    parallelism: 2,
    backoffLimitPerIndex: 1,
    podFailurePolicy: byExitCode('FailIndex'),
  }),
  job('max-failed', `[ $JOB_COMPLETION_INDEX -gt 2 ] || exit 1; ${FOREVER}`, {
    ...INDEXED,
    completions: 8,
    parallelism: 4,
    backoffLimitPerIndex: 0,
    maxFailedIndexes: 2,
  }),
  job('policy-all', 'true', {
    ...INDEXED,
    completions: 2,
    parallelism: 2,
    successPolicy: { rules: [{ succeededIndexes: '0-1' }] },
  }),
  job('policy-count', `[ $JOB_COMPLETION_INDEX -eq 0 ] || { ${FOREVER}; }`, {
    ...INDEXED,
    completions: 5,
    parallelism: 2,
    successPolicy: { rules: [{ succeededCount: 1 }] },
  }),
  job('policy-indexes', `[ $JOB_COMPLETION_INDEX -eq 1 ] || { ${FOREVER}; }`, {
    ...INDEXED,
    completions: 3,
    parallelism: 2,
    successPolicy: { rules: [{ succeededIndexes: '1' }] },
  }),
  job('parallel', FOREVER, { completions: 4, parallelism: 2 }),
  job('deleted', FOREVER, { completions: 4, parallelism: 2 }),
];

/** A pod of this Job leaves a mark for its index, in a folder of the host, and runs on; the next one is content. */
function evictedJob(folder: string): Json {
  const mark = '/marks/$JOB_COMPLETION_INDEX';
  const script = `[ ! -e ${mark} ] || exit 0; echo > ${mark}; ${FOREVER}`;
  const container = {
    name: 'c',
    image: IMAGE,
    ...shell(script),
    volumeMounts: [{ name: 'marks', mountPath: '/marks' }],
  };
  return job('evicted', '', {
    ...INDEXED,
    completions: 1,
    backoffLimit: 0,
    podFailurePolicy: { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }] },
    template: template('', { volumes: [{ name: 'marks', hostPath: { path: folder } }], containers: [container] }),
  });
}

const podsOf = async (name: string): Promise<Json[]> =>
  (await cluster.get(`${PODS}?labelSelector=batch.kubernetes.io%2Fjob-name%3D${name}`)).items;
const conditionOf = ({ status }: Json, type: string): Json | undefined =>
  status?.conditions?.find((condition: Json) => condition.type === type && condition.status === 'True');

/** Waits until the Job has ended this way; gives it as it is then. */
const ended = (name: string, type: 'Complete' | 'Failed'): Promise<Json> =>
  eventually(
    `Job ${name} is ${type}`,
    async () => {
      const object = await cluster.get(`${JOBS}/${name}`);
      return conditionOf(object, type) !== undefined && object;
    },
    WAIT_MS,
  );
const activePods = (name: string, count: number): Promise<Json[]> =>
  eventually(
    `Job ${name} has ${count} pods that run`,
    async () => {
      const running = (await podsOf(name)).filter(
        ({ status, metadata }) => status.phase === 'Running' && metadata.deletionTimestamp === undefined,
      );
      return running.length === count && running;
    },
    WAIT_MS,
  );

beforeAll(async () => {
  if (!isRoot) return;
  cluster = await startPodCluster();
  folder = mkdtempSync(join(tmpdir(), 'nocher-jobs-'));
  await Promise.all([...STARTED, evictedJob(folder)].map((object) => cluster.post(JOBS, object)));
  for (const { metadata } of await marked(1)) {
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: metadata.name } };
    await cluster.post(`${PODS}/${metadata.name}/eviction`, eviction);
  }
}, 120_000);
afterAll(async () => {
  await cluster?.stop();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** The pods of the Job that is evicted, once they have left their marks. */
async function marked(count: number): Promise<Json[]> {
  await eventually('the pods have left their marks', () => readdirSync(folder).length === count, WAIT_MS);
  return podsOf('evicted');
}

/** A schedule of this one minute of the year. */
function onlyAt(date: Date): string {
  return `${date.getUTCMinutes()} ${date.getUTCHours()} ${date.getUTCDate()} ${date.getUTCMonth() + 1} *`;
}

suite('CronJobs [W8]', () => {
  const minutesAgo = (count: number): Date => new Date(Math.floor(Date.now() / 60_000 - count) * 60_000);
  const jobsOf = async (name: string): Promise<Json[]> =>
    (await cluster.get(JOBS)).items.filter(({ metadata }: Json) => metadata.ownerReferences?.[0]?.name === name);
  const has = (name: string, count: number): Promise<Json[]> =>
    eventually(
      `CronJob ${name} has ${count} Jobs or more`,
      async () => {
        const all = await jobsOf(name);
        return all.length >= count && all;
      },
      WAIT_MS,
    );

  /** Due at once: it is told that its last run was long ago, and the only run since then is one of two minutes ago. */
  async function make(name: string, spec: Json): Promise<void> {
    const jobTemplate = { spec: { template: template(FOREVER) } };
    const common = { schedule: onlyAt(minutesAgo(2)), timeZone: 'Etc/UTC', jobTemplate };
    await cluster.post(CRON_JOBS, { metadata: { name }, spec: { ...common, ...spec } });
    await cluster.patch(`${CRON_JOBS}/${name}/status`, { status: { lastScheduleTime: minutesAgo(10) } });
  }

  /** Its first Job runs then, and another run is due. */
  async function runAndBeDue(name: string, concurrencyPolicy: string): Promise<Json> {
    await make(name, { concurrencyPolicy });
    const [first] = await has(name, 1);
    await cluster.patch(`${CRON_JOBS}/${name}`, { spec: { schedule: '* * * * *' } });
    return first!;
  }

  beforeAll(() => make('suspended', { suspend: true }), 60_000);

  it('run beside each other [conformance: CronJob AllowConcurrent]', async () => {
    const first = await runAndBeDue('allow', 'Allow');
    const all = await has('allow', 2);
    expect(all.map(({ metadata }) => metadata.uid)).toContain(first.metadata.uid);
    await eventually(
      'both are active',
      async () => (await cluster.get(`${CRON_JOBS}/allow`)).status.active?.length >= 2,
      WAIT_MS,
    );
  });

  it('wait for each other [conformance: CronJob ForbidConcurrent]', async () => {
    const first = await runAndBeDue('forbid', 'Forbid');
    await eventually(
      'the second run is refused',
      async () => {
        const { items } = await cluster.get(`${EVENTS}?fieldSelector=involvedObject.name%3Dforbid`);
        return items.some(({ reason }: Json) => reason === 'JobAlreadyActive');
      },
      WAIT_MS,
    );
    const all = await jobsOf('forbid');
    expect(all.map(({ metadata }) => metadata.uid)).toEqual([first.metadata.uid]);
    const { status } = await cluster.get(`${CRON_JOBS}/forbid`);
    expect(status.active.map(({ uid }: Json) => uid)).toEqual([first.metadata.uid]);
  });

  it('replace each other [conformance: CronJob ReplaceConcurrent]', async () => {
    const first = await runAndBeDue('replace', 'Replace');
    const left = await eventually(
      'the first Job is replaced',
      async () => {
        const all = await jobsOf('replace');
        return all.length === 1 && all[0]!.metadata.uid !== first.metadata.uid && all[0];
      },
      WAIT_MS,
    );
    expect(left.metadata.name).not.toBe(first.metadata.name);
  });

  it('make no Job while they are suspended [conformance: CronJob Suspend]', async () => {
    // Others that were due after it have run since, twice.
    expect(await jobsOf('suspended')).toEqual([]);
    await cluster.patch(`${CRON_JOBS}/suspended`, { spec: { suspend: false } });
    expect((await has('suspended', 1))[0]!.metadata.name).toMatch(/^suspended-\d+$/);
  });

  it('delete their Jobs when they go, and Jobs are made of them by hand', async () => {
    cluster.run('create', 'job', 'by-hand', '--from=cronjob/allow');
    const made = await cluster.get(`${JOBS}/by-hand`);
    expect(made.metadata.annotations).toMatchObject({ 'cronjob.kubernetes.io/instantiate': 'manual' });
    expect(made.metadata.ownerReferences).toMatchObject([{ kind: 'CronJob', name: 'allow', controller: true }]);
    await cluster.remove(`${CRON_JOBS}/allow`);
    await eventually('its Jobs are gone', async () => (await jobsOf('allow')).length === 0, WAIT_MS);
  });
});

suite('Jobs [W7]', () => {
  it('fails at once when its policy says so [conformance: Verify Pod Failure policy allows to fail job early on exit code.]', async () => {
    const done = await ended('fails-early', 'Failed');
    const [pod] = await podsOf('fails-early');
    expect(conditionOf(done, 'Failed')).toMatchObject({
      reason: 'PodFailurePolicy',
      message: `Container c for pod default/${pod!.metadata.name} failed with exit code 42 matching FailJob rule at index 0`,
    });
    expect(done.status.failed).toBe(1);
  });

  it('gives each pod its index [conformance: Ensure Pods of an Indexed Job get a unique index.]', async () => {
    const done = await ended('indexes', 'Complete');
    expect(done.status).toMatchObject({ completedIndexes: '0-3', succeeded: 4 });
    const all = await podsOf('indexes');
    const succeeded = all.filter(({ status }) => status.phase === 'Succeeded');
    expect(succeeded.map(({ metadata }) => metadata.annotations[INDEX]).sort()).toEqual(['0', '1', '2', '3']);
    for (const { metadata, spec } of succeeded) {
      const index = metadata.annotations[INDEX];
      expect(metadata.labels[INDEX]).toBe(index);
      expect(metadata.name).toMatch(new RegExp(`^indexes-${index}-`));
      expect(spec.hostname).toBe(`indexes-${index}`);
      expect(await cluster.log(metadata.name)).toBe(`${index}\n`);
    }
  });

  it('marks indexes as failed [conformance: Mark indexes as failed when the FailIndex action is matched in podFailurePolicy]', async () => {
    const done = await ended('fail-index', 'Failed');
    expect(done.status).toMatchObject({ failedIndexes: '0', completedIndexes: '1', failed: 1, succeeded: 1 });
  });

  it('ends when too many indexes fail [conformance: Terminate job execution when the maxFailedIndexes is exceeded]', async () => {
    const done = await ended('max-failed', 'Failed');
    expect(conditionOf(done, 'Failed')).toMatchObject({ reason: 'MaxFailedIndexesExceeded' });
    expect(done.status.failedIndexes).toBe('0-2');
    expect(done.status.completedIndexes).toBeUndefined();
  });

  it('succeeds by policy with all indexes [conformance: Ensure that job with successPolicy succeeded when all indexes succeeded]', async () => {
    const done = await ended('policy-all', 'Complete');
    expect(conditionOf(done, 'SuccessCriteriaMet')).toMatchObject({
      reason: 'SuccessPolicy',
      message: 'Matched rules at index 0',
    });
    expect(done.status).toMatchObject({ completedIndexes: '0,1', succeeded: 2 });
  });

  it('succeeds by policy with enough indexes [conformance: Ensure that job with successPolicy succeededCount rule succeeded even when some indexes remain pending]', async () => {
    const done = await ended('policy-count', 'Complete');
    expect(conditionOf(done, 'SuccessCriteriaMet')).toMatchObject({ reason: 'SuccessPolicy' });
    expect(done.status).toMatchObject({ completedIndexes: '0', succeeded: 1 });
    expect(done.status.failed).toBeUndefined();
  });

  it('succeeds by policy with the right indexes [conformance: Ensure that job with successPolicy succeededIndexes rule succeeded even when some indexes remain pending]', async () => {
    const done = await ended('policy-indexes', 'Complete');
    expect(conditionOf(done, 'SuccessCriteriaMet')).toMatchObject({ reason: 'SuccessPolicy' });
    expect(done.status).toMatchObject({ completedIndexes: '1', succeeded: 1 });
  });

  it('adopts and releases pods [conformance: Jobs, orphan pods, re-adoption]', async () => {
    const [pod] = await activePods('parallel', 2);
    const path = `${PODS}/${pod!.metadata.name}`;
    const isOwned = async (owned: boolean): Promise<Json> =>
      eventually(
        `the pod ${owned ? 'has' : 'has no'} owner`,
        async () => {
          const object = await cluster.get(path);
          return (object.metadata.ownerReferences?.[0]?.name === 'parallel') === owned && object;
        },
        WAIT_MS,
      );
    await cluster.update(path, ({ metadata }) => {
      delete metadata.ownerReferences;
    });
    const adopted = await isOwned(true);
    expect(adopted.metadata.finalizers).toContain('batch.kubernetes.io/job-tracking');
    await cluster.update(path, ({ metadata }) => {
      delete metadata.labels;
    });
    const released = await isOwned(false);
    expect(released.metadata.finalizers ?? []).toEqual([]);
    // Another takes its place, and nothing counts as failed.
    await activePods('parallel', 2);
    expect((await cluster.get(`${JOBS}/parallel`)).status.failed).toBeUndefined();
    await cluster.remove(path);
  });

  it('goes with its pods [conformance: Jobs, active pods, graceful termination]', async () => {
    const running = await activePods('deleted', 2);
    expect((await cluster.get(`${JOBS}/deleted`)).status.active).toBe(2);
    await cluster.remove(`${JOBS}/deleted`, { propagationPolicy: 'Background' });
    await eventually('the Job is gone', async () => (await cluster.send('GET', `${JOBS}/deleted`)).status === 404);
    await Promise.all(running.map(({ metadata }) => cluster.gone(metadata.name)));
  });

  it('has a status that can be changed [conformance: Jobs, apply changes to status]', async () => {
    const path = `${JOBS}/parallel/status`;
    const patched = await cluster.patch(path, {
      metadata: { annotations: { patchedstatus: 'true' } },
      status: { conditions: [{ type: 'CustomType', status: 'True', reason: 'E2E' }] },
    });
    expect(patched.metadata.annotations.patchedstatus).toBe('true');
    expect(conditionOf(patched, 'CustomType')).toMatchObject({ reason: 'E2E' });
    const replaced = await cluster.update(path, ({ status }) => {
      status.conditions = [{ type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from e2e test' }];
    });
    expect(conditionOf(replaced, 'StatusUpdate')).toBeDefined();
    expect(conditionOf(await cluster.get(path), 'StatusUpdate')).toMatchObject({ message: 'Set from e2e test' });
    await cluster.remove(`${JOBS}/parallel`, { propagationPolicy: 'Background' });
  });

  it('is made, changed, listed and deleted [conformance: Jobs, manage lifecycle]', async () => {
    const label = 'e2e-job=lifecycle';
    const selector = `labelSelector=${encodeURIComponent(label)}`;
    const made = job('lifecycle', 'true', { suspend: true });
    await cluster.post(JOBS, { ...made, metadata: { ...made.metadata, labels: { 'e2e-job': 'lifecycle' } } });
    const suspended = await eventually(
      'the Job is suspended',
      async () => {
        const object = await cluster.get(`${JOBS}/lifecycle`);
        return conditionOf(object, 'Suspended') !== undefined && object;
      },
      WAIT_MS,
    );
    expect(suspended.status.active).toBeUndefined();
    expect(await podsOf('lifecycle')).toEqual([]);
    const patched = await cluster.patch(`${JOBS}/lifecycle`, { metadata: { labels: { lifecycle: 'patched' } } });
    expect(patched.metadata.labels).toMatchObject({ lifecycle: 'patched' });
    const replaced = await cluster.update(`${JOBS}/lifecycle`, (object) => {
      object.spec.suspend = false;
      object.metadata.annotations = { ...object.metadata.annotations, updated: 'true' };
    });
    expect(replaced.metadata.annotations.updated).toBe('true');
    const done = await ended('lifecycle', 'Complete');
    expect(done.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Suspended', status: 'False', reason: 'JobResumed' }),
    );
    expect((await cluster.get(`/apis/batch/v1/jobs?${selector}`)).items).toHaveLength(1);
    await cluster.remove(`${JOBS}?${selector}`, { propagationPolicy: 'Background' });
    await eventually(
      'the Jobs are gone',
      async () => (await cluster.get(`/apis/batch/v1/jobs?${selector}`)).items.length === 0,
      WAIT_MS,
    );
  });

  it('runs every index [conformance: Ensure that all indexes are executed for an indexed job with backoffLimitPerIndex despite some failing]', async () => {
    const done = await ended('per-index', 'Failed');
    expect(conditionOf(done, 'Failed')).toMatchObject({ reason: 'FailedIndexes', message: 'Job has failed indexes' });
    expect(done.status).toMatchObject({ failedIndexes: '1,3', completedIndexes: '0,2', failed: 4, succeeded: 2 });
  });

  it('does not mind evictions [conformance: Ensure pod failure policy allows to ignore failure matching on the DisruptionTarget condition]', async () => {
    const done = await ended('evicted', 'Complete');
    expect(done.status).toMatchObject({ completedIndexes: '0', succeeded: 1 });
    expect(done.status.failed).toBeUndefined();
  });

  it('completes though its tasks fail first [conformance: Jobs, completion after task failure]', async () => {
    const done = await ended('restarts', 'Complete');
    expect(done.status.succeeded).toBe(4);
    expect(done.status.failed).toBeUndefined();
    for (const { status } of await podsOf('restarts')) expect(status.containerStatuses[0].restartCount).toBe(1);
  });
});
