import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JobSpec } from '../../api/batch/v1/job.ts';
import { completionIndexOf } from './pod-facts.ts';
import { JobWorld } from './testing.ts';
import type { Fault } from './testing.ts';

const names = (world: JobWorld): string[] => [...world.pods.keys()];
const indexes = (world: JobWorld): (number | undefined)[] => world.all.map(completionIndexOf);
const INDEXED = { completionMode: 'Indexed' } as const;

describe('a Job [W7]', () => {
  it('runs one pod and is complete when that has succeeded', async () => {
    const world = await new JobWorld().settle();
    expect(world.status).toEqual({
      startTime: '2026-01-02T03:04:05Z',
      active: 1,
      ready: 0,
      terminating: 0,
      uncountedTerminatedPods: {},
    });
    await world.report('p0', 'Running').settle();
    expect(world.status).toMatchObject({ active: 1, ready: 1 });
    await world.advance(60).succeed('p0').settle();
    expect(world.status).toEqual({
      startTime: '2026-01-02T03:04:05Z',
      completionTime: '2026-01-02T03:05:05Z',
      succeeded: 1,
      ready: 0,
      terminating: 0,
      uncountedTerminatedPods: {},
      conditions: ['SuccessCriteriaMet', 'Complete'].map((type) => ({
        type,
        status: 'True',
        lastProbeTime: '2026-01-02T03:05:05Z',
        lastTransitionTime: '2026-01-02T03:05:05Z',
        reason: 'CompletionsReached',
        message: 'Reached expected number of succeeded pods',
      })),
    });
    expect(world.events).toEqual(['SuccessfulCreate: Created pod: p0', 'Completed: Job completed']);
    expect(world.all[0]!.metadata.finalizers).toEqual([]);
  });

  it('runs as many at once as it may, and no more than are missing', async () => {
    const world = await new JobWorld({ completions: 5, parallelism: 3 }).settle();
    expect(names(world)).toHaveLength(3);
    await world.succeed('p0').succeed('p1').succeed('p2').settle();
    expect(world.status).toMatchObject({ succeeded: 3, active: 2 });
    expect(world.made).toBe(5);
  });

  it('starts no pod of a work queue once one has succeeded, and waits for the others', async () => {
    const world = await new JobWorld({ parallelism: 3 }).settle();
    await world.succeed('p0').settle();
    expect(world.status).toMatchObject({ succeeded: 1, active: 2 });
    expect(world.isFinished).toBe(false);
    await world.succeed('p1').fail('p2').settle();
    expect(world.isFinished).toBe(true);
    expect(world.made).toBe(3);
  });

  it('makes at most 500 pods in a second, whatever it wants', async () => {
    const world = new JobWorld({ completions: 2 ** 31 - 1, parallelism: 2 ** 31 - 1 });
    await world.reconcile();
    expect(world.made).toBe(500);
    expect(await world.sync().reconcile()).toEqual({ requeueAfterMs: 1000 });
    expect(world.made).toBe(500);
    await world.advance(1).sync().reconcile();
    expect(world.made).toBe(1000);
  });

  it('waits longer after each failure, and fails past its limit', async () => {
    const world = await new JobWorld({ backoffLimit: 2 }).settle();
    await world.fail('p0').settle();
    expect(await world.sync().reconcile()).toEqual({ requeueAfterMs: 10_000 });
    expect(world.status).toMatchObject({ failed: 1 });
    await world.advance(9).settle();
    expect(world.made).toBe(1);
    await world.advance(1).settle();
    expect(world.made).toBe(2);
    await world.fail('p1').settle();
    expect(await world.sync().reconcile()).toEqual({ requeueAfterMs: 20_000 });
    await world.advance(20).settle();
    await world.fail('p2').settle();
    expect(world.status).toMatchObject({ failed: 3 });
    expect(world.conditions).toEqual(['FailureTarget=True BackoffLimitExceeded', 'Failed=True BackoffLimitExceeded']);
    expect(world.events.at(-1)).toBe('BackoffLimitExceeded: Job has reached the specified backoff limit');
  });

  it('remembers how long it has to wait when the controller is started again', async () => {
    const world = await new JobWorld().settle();
    await world.fail('p0').settle();
    await world.restart().advance(9).settle();
    expect(world.made).toBe(1);
    await world.advance(1).settle();
    expect(world.made).toBe(2);
  });

  it('counts restarts of containers towards its limit', async () => {
    const world = new JobWorld({ backoffLimit: 3 });
    world.job.spec.template.spec!.restartPolicy = 'OnFailure';
    await world.settle();
    const restarted = (count: number): JobWorld => {
      const pod = world.all[0]!;
      const containerStatuses = [{ name: 'c', restartCount: count, ready: false, image: 'i', imageID: '' }];
      world.pods.set('p0', { ...pod, status: { phase: 'Running', containerStatuses } });
      return world;
    };
    await restarted(2).settle();
    expect(world.conditions).toEqual([]);
    await restarted(3).settle();
    expect(world.conditions).toEqual(['FailureTarget=True BackoffLimitExceeded']);
    await world.fail('p0').settle();
    expect(world.conditions).toContain('Failed=True BackoffLimitExceeded');
    expect(world.status.failed).toBe(1);
  });

  it('fails past its time, and deletes what runs first', async () => {
    const world = await new JobWorld({ activeDeadlineSeconds: 30 }).settle();
    expect(await world.reconcile()).toEqual({ requeueAfterMs: 30_000 });
    await world.report('p0', 'Running').advance(30).settle();
    expect(world.conditions).toEqual(['FailureTarget=True DeadlineExceeded']);
    expect(world.status).toMatchObject({ terminating: 1, failed: 1 });
    expect(world.events.at(-1)).toBe('SuccessfulDelete: Deleted pod: p0');
    await world.fail('p0', 137).settle();
    expect(world.conditions).toEqual(['FailureTarget=True DeadlineExceeded', 'Failed=True DeadlineExceeded']);
    expect(world.status).toMatchObject({ terminating: 0, failed: 1 });
  });

  it('pauses without counting what it deletes, and starts anew', async () => {
    const world = await new JobWorld({ parallelism: 2, completions: 2, activeDeadlineSeconds: 100 }).settle();
    await world.report('p0', 'Running').advance(90).change({ suspend: true }).settle();
    expect(world.conditions).toEqual(['Suspended=True JobSuspended']);
    expect(world.status).toMatchObject({ terminating: 1, ready: 0 });
    expect(world.status.failed).toBeUndefined();
    await world.fail('p0', 137).advance(90).change({ suspend: false }).settle();
    expect(world.conditions).toEqual(['Suspended=False JobResumed']);
    expect(world.status).toMatchObject({ active: 2, startTime: '2026-01-02T03:07:05Z' });
    expect(world.events).toEqual(expect.arrayContaining(['Suspended: Job suspended', 'Resumed: Job resumed']));
  });

  it('that is made suspended has no time of its start', async () => {
    const world = await new JobWorld({ suspend: true }).settle();
    expect(world.status.startTime).toBeUndefined();
    expect(world.made).toBe(0);
  });

  it('replaces pods that are being deleted at once, or only when they have ended', async () => {
    const atOnce = await new JobWorld().settle();
    await atOnce.report('p0', 'Running').deletePod('p0').advance(10).settle();
    expect(atOnce.made).toBe(2);
    expect(atOnce.status).toMatchObject({ failed: 1, terminating: 1, active: 1 });
    const later = await new JobWorld({ podReplacementPolicy: 'Failed' }).settle();
    await later.report('p0', 'Running').deletePod('p0').advance(10).settle();
    expect(later.made).toBe(1);
    expect(later.status).toMatchObject({ terminating: 1 });
    expect(later.status.failed).toBeUndefined();
    await later.fail('p0', 143).settle();
    await later.advance(10).settle();
    expect(later.made).toBe(2);
    expect(later.status).toMatchObject({ failed: 1, terminating: 0, active: 1 });
  });

  it('knows a pod that it has listed, and not yet counted, for one', async () => {
    const world = await new JobWorld({ completions: 2 }).settle();
    await world.succeed('p0').sync().reconcile({ write: 2, isDone: false, restarts: true });
    expect(world.status.uncountedTerminatedPods).toEqual({ succeeded: ['p0'] });
    await world.settle();
    expect(world.status).toMatchObject({ succeeded: 1, active: 1 });
  });

  it('counts a pod once though the cache goes on showing its finalizer', async () => {
    const world = await new JobWorld({ completions: 2 }).settle();
    await world.succeed('p0').sync().reconcile();
    await world.syncJob().reconcile();
    expect(world.status.succeeded).toBe(1);
  });

  it('of another manager is left alone', async () => {
    const world = await new JobWorld({ managedBy: 'example.com/other' }).settle();
    expect(world.made).toBe(0);
    expect(world.job.status).toEqual({});
    const own = await new JobWorld({ managedBy: 'kubernetes.io/job-controller' }).settle();
    expect(own.made).toBe(1);
  });
});

describe('an indexed Job', () => {
  it('gives each pod an index, its host name and its variable', async () => {
    const world = await new JobWorld({ ...INDEXED, completions: 3, parallelism: 2 }).settle();
    const { metadata, spec } = world.all[1]!;
    expect(metadata.generateName).toBe('j-1-');
    expect(metadata.annotations).toEqual({ 'batch.kubernetes.io/job-completion-index': '1' });
    expect(metadata.labels).toMatchObject({ 'batch.kubernetes.io/job-completion-index': '1' });
    expect(spec.hostname).toBe('j-1');
    expect(spec.containers[0]!.env).toEqual([
      {
        name: 'JOB_COMPLETION_INDEX',
        valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']" } },
      },
    ]);
    await world.succeed('p1').settle();
    expect(indexes(world)).toEqual([0, 1, 2]);
    await world.succeed('p2').settle();
    expect(world.status).toMatchObject({ completedIndexes: '1,2', succeeded: 2 });
    await world.succeed('p0').settle();
    expect(world.status).toMatchObject({ completedIndexes: '0-2', succeeded: 3 });
    expect(world.conditions.at(-1)).toBe('Complete=True CompletionsReached');
  });

  it('grows and shrinks by both of its numbers', async () => {
    const world = await new JobWorld({ ...INDEXED, completions: 3, parallelism: 3 }).settle();
    await world.succeed('p2').settle();
    expect(world.status).toMatchObject({ completedIndexes: '2', succeeded: 1, active: 2 });
    await world.change({ completions: 2, parallelism: 2 }).succeed('p0').settle();
    expect(world.status).toMatchObject({ completedIndexes: '0', succeeded: 1, active: 1 });
    await world.change({ completions: 4, parallelism: 4 }).settle();
    expect(indexes(world).sort()).toEqual([0, 1, 2, 2, 3]);
    await world.change({ completions: 1, parallelism: 1 }).settle();
    expect(world.status).toMatchObject({ completedIndexes: '0', succeeded: 1 });
    expect(world.conditions).toContain('Complete=True CompletionsReached');
    expect(world.status.failed).toBeUndefined();
  });

  it('deletes all but one pod of an index, and pods without', async () => {
    const world = await new JobWorld({ ...INDEXED, completions: 2, parallelism: 2 }).settle();
    const [first] = world.all;
    const double = (name: string, index: string): void => {
      const annotations = { 'batch.kubernetes.io/job-completion-index': index };
      world.pods.set(name, { ...first!, metadata: { ...first!.metadata, name, uid: name, annotations } });
    };
    double('x', '1');
    double('y', '7');
    double('z', 'seven');
    await world.settle();
    expect(indexes(world).sort()).toEqual([0, 1]);
    expect(world.status.failed).toBeUndefined();
  });

  it('gives each index failures of its own, and ends with those that failed', async () => {
    const spec = { ...INDEXED, completions: 2, parallelism: 2, backoffLimitPerIndex: 1 };
    const world = await new JobWorld(spec).settle();
    await world.succeed('p1').fail('p0').settle();
    expect(world.status).toMatchObject({ completedIndexes: '1', failedIndexes: '' });
    // It is kept until the pod that replaces it knows of the failure.
    expect(world.pods.get('p0')!.metadata.finalizers).toHaveLength(1);
    expect(world.made).toBe(2);
    await world.advance(10).settle();
    expect(world.pods.get('p2')!.metadata.annotations).toMatchObject({
      'batch.kubernetes.io/job-completion-index': '0',
      'batch.kubernetes.io/job-index-failure-count': '1',
    });
    expect(world.status).toMatchObject({ failed: 1 });
    await world.fail('p2').settle();
    expect(world.status).toMatchObject({ failed: 2, succeeded: 1, failedIndexes: '0', completedIndexes: '1' });
    expect(world.conditions).toEqual(['FailureTarget=True FailedIndexes', 'Failed=True FailedIndexes']);
  });

  it.each([
    [{ backoffLimitPerIndex: 0 }, 2],
    [{}, 1],
  ])('with %j does not let an index succeed by a pod that is listed as failed', async (limit, write) => {
    const world = await new JobWorld({ ...INDEXED, completions: 2, parallelism: 1, ...limit }).settle();
    // The pod is being deleted, and keeps its finalizer since that cannot be removed.
    await world.report('p0', 'Running').deletePod('p0').sync().reconcile({ write, isDone: false, restarts: true });
    expect(world.status.uncountedTerminatedPods).toEqual({ failed: ['p0'] });
    await world.succeed('p0').settle();
    expect(world.status.failed).toBe(1);
    expect(world.status.succeeded).toBeUndefined();
    expect(world.status.completedIndexes).toBeUndefined();
  });

  it('ends early when too many indexes have failed', async () => {
    const spec = { ...INDEXED, completions: 4, parallelism: 4, backoffLimitPerIndex: 0, maxFailedIndexes: 1 };
    const world = await new JobWorld(spec).settle();
    await world.fail('p0').settle();
    expect(world.conditions).toEqual([]);
    await world.fail('p2').settle();
    expect(world.conditions).toContain('Failed=True MaxFailedIndexesExceeded');
    expect(world.status).toMatchObject({ failedIndexes: '0,2', failed: 4 });
  });

  it('ends as soon as its success policy is met, and counts no pod that runs as failed', async () => {
    const successPolicy = { rules: [{ succeededIndexes: '0,2' }, { succeededIndexes: '0-3', succeededCount: 3 }] };
    const world = await new JobWorld({ ...INDEXED, completions: 5, parallelism: 5, successPolicy }).settle();
    await world.report('p4', 'Running').succeed('p0').succeed('p1').settle();
    expect(world.conditions).toEqual([]);
    await world.succeed('p2').settle();
    expect(world.conditions).toEqual(['SuccessCriteriaMet=True SuccessPolicy']);
    await world.fail('p4', 143).settle();
    expect(world.status.conditions!.at(-1)).toMatchObject({
      type: 'Complete',
      reason: 'SuccessPolicy',
      message: 'Matched rules at index 0',
    });
    expect(world.status).toMatchObject({ succeeded: 3, completedIndexes: '0-2' });
    expect(world.status.failed).toBeUndefined();
  });
});

describe('podFailurePolicy', () => {
  const policy = (action: string, changes: object = {}): Partial<JobSpec> =>
    ({
      podFailurePolicy: { rules: [{ action, onExitCodes: { operator: 'In', values: [42] } }] },
      backoffLimit: 0,
      ...changes,
    }) as Partial<JobSpec>;

  it('fails the Job at once', async () => {
    const world = await new JobWorld(policy('FailJob', { backoffLimit: 6, parallelism: 2, completions: 2 })).settle();
    await world.fail('p1', 42).settle();
    expect(world.status.conditions!.at(-1)).toMatchObject({
      type: 'Failed',
      reason: 'PodFailurePolicy',
      message: 'Container c for pod ns/p1 failed with exit code 42 matching FailJob rule at index 0',
    });
    expect(world.status).toMatchObject({ failed: 2 });
  });

  it('ignores failures', async () => {
    const world = await new JobWorld(policy('Ignore')).settle();
    await world.fail('p0', 42).settle();
    await world.advance(10).settle();
    expect(world.made).toBe(2);
    expect(world.status.failed).toBeUndefined();
    await world.fail('p1', 1).settle();
    expect(world.conditions).toContain('Failed=True BackoffLimitExceeded');
  });

  it('fails an index at once', async () => {
    const perIndex = { ...INDEXED, completions: 2, parallelism: 2, backoffLimitPerIndex: 5, backoffLimit: 100 };
    const world = await new JobWorld(policy('FailIndex', perIndex)).settle();
    await world.fail('p0', 42).settle();
    expect(world.status).toMatchObject({ failedIndexes: '0', active: 1 });
    await world.succeed('p1').settle();
    expect(world.conditions).toContain('Failed=True FailedIndexes');
  });
});

/** One thing that happens; `pod` chooses among those that there are. */
type Step =
  | { type: 'running' | 'succeed' | 'fail' | 'delete'; pod: number }
  | { type: 'sync' | 'restart' | 'suspend' | 'resume' }
  | { type: 'advance'; seconds: number }
  | { type: 'reconcile'; fault: Fault | undefined };

const fault = fc.record({ write: fc.nat(6), isDone: fc.boolean(), restarts: fc.boolean() });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constantFrom('running', 'succeed', 'fail', 'delete'), pod: fc.nat(20) }),
  fc.record({ type: fc.constantFrom('sync', 'sync', 'restart') }),
  fc.record({ type: fc.constant('advance' as const), seconds: fc.nat(40) }),
  fc.record({ type: fc.constant('reconcile' as const), fault: fc.option(fault, { nil: undefined }) }),
  fc.record({ type: fc.constant('reconcile' as const), fault: fc.constant(undefined) }),
);
const spec: fc.Arbitrary<Partial<JobSpec>> = fc.oneof(
  fc.record({
    completions: fc.integer({ min: 1, max: 6 }),
    parallelism: fc.integer({ min: 1, max: 4 }),
    backoffLimit: fc.nat(6),
  }),
  fc.record({
    completionMode: fc.constant('Indexed'),
    completions: fc.integer({ min: 1, max: 6 }),
    parallelism: fc.integer({ min: 1, max: 4 }),
    podReplacementPolicy: fc.constantFrom('Failed', 'TerminatingOrFailed'),
  }),
  fc.record({
    completionMode: fc.constant('Indexed'),
    completions: fc.integer({ min: 1, max: 6 }),
    parallelism: fc.integer({ min: 1, max: 4 }),
    backoffLimitPerIndex: fc.nat(2),
  }),
);

async function take(world: JobWorld, one: Step): Promise<void> {
  const pick = (n: number): string => names(world)[n % Math.max(1, world.pods.size)] ?? '';
  if (one.type === 'sync') world.sync();
  else if (one.type === 'restart') world.restart();
  else if (one.type === 'advance') world.advance(one.seconds);
  else if (one.type === 'running') world.report(pick(one.pod), 'Running');
  else if (one.type === 'succeed') world.succeed(pick(one.pod));
  else if (one.type === 'fail') world.fail(pick(one.pod));
  else if (one.type === 'delete') world.deletePod(pick(one.pod));
  else if (one.type === 'reconcile') await attempt(world, one.fault);
}

/** The runner hands out a key only when the cache shows what was written; what failed nobody waits for. */
async function attempt(world: JobWorld, withFault: Fault | undefined): Promise<void> {
  try {
    await world.reconcile(withFault);
  } catch (error) {
    // A stale cache makes for conflicts and for pods that are gone; what the server refuses would be a bug.
    if (!/it has changed|not found/.test(String(error))) throw error;
  }
  if (withFault?.restarts !== true) world.catchUp();
}

async function finish(world: JobWorld): Promise<void> {
  for (let i = 0; i < 60 && !world.isFinished; i++) {
    await world.settle();
    for (const name of names(world)) world.succeed(name);
    world.advance(600);
  }
}

function expectSaneActive(world: JobWorld): void {
  const active = world.all.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed',
  );
  expect(active.length).toBeLessThanOrEqual(world.job.spec.parallelism!);
  const used = active.map(completionIndexOf).filter((index) => index !== undefined);
  expect(new Set(used).size).toBe(used.length);
}

describe('whatever happens in whatever order, with writes that fail and controllers that restart', () => {
  it('every pod is counted once, and no index runs twice', async () => {
    await fc.assert(
      fc.asyncProperty(spec, fc.array(step, { maxLength: 80 }), async (ofJob, steps) => {
        const world = new JobWorld(ofJob);
        for (const one of steps) {
          await take(world, one);
          expectSaneActive(world);
        }
        world.sync();
        await finish(world);
        expect(world.isFinished).toBe(true);
        const { succeeded = 0, failed = 0, uncountedTerminatedPods } = world.status;
        expect(uncountedTerminatedPods).toEqual({});
        const counted = succeeded + failed + world.uncounted;
        expect(counted).toBeLessThanOrEqual(world.made);
        expect(counted).toBeGreaterThanOrEqual(world.made - world.repeatedIndexes);
        const isComplete = world.conditions.some((one) => one.startsWith('Complete=True'));
        if (isComplete) expect(succeeded).toBe(ofJob.completions);
        else expect(failed).toBeGreaterThan(ofJob.backoffLimit ?? 0);
      }),
      { numRuns: 500, seed: 2026 },
    );
  });
});
