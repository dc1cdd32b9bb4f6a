import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { formatFieldError } from '../../machinery/field-error.ts';
import type { StrategyContext } from '../../machinery/resource.ts';
import { jobs } from './job.ts';
import type { Job, JobSpec } from './job.ts';

const context: StrategyContext = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };
const { strategy } = jobs;

/** A Job as it is stored, with `change` made to what the client sent. */
function made(change: (spec: JobSpec) => void = () => undefined): Job {
  const job = parse(`
    apiVersion: batch/v1
    kind: Job
    metadata: {name: pi, namespace: default, uid: u1}
    spec:
      template:
        metadata: {labels: {app: pi}}
        spec:
          restartPolicy: Never
          containers: [{name: c, image: "pi:1"}]`) as Job;
  change(job.spec);
  strategy.default!(job);
  strategy.prepareForCreate!(job, context);
  return job;
}

const indexed = (spec: JobSpec): void => void Object.assign(spec, { completionMode: 'Indexed', completions: 5 });
const errorsOf = (change: (spec: JobSpec) => void): string[] => strategy.validate!(made(change)).map(formatFieldError);

describe('a new Job', () => {
  it('has what upstream fills in', () => {
    const { metadata, spec, status } = made();
    expect(spec).toMatchObject({
      completions: 1,
      parallelism: 1,
      backoffLimit: 6,
      completionMode: 'NonIndexed',
      suspend: false,
      manualSelector: false,
      podReplacementPolicy: 'TerminatingOrFailed',
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } },
    });
    expect(spec.template.metadata?.labels).toEqual({
      app: 'pi',
      'controller-uid': 'u1',
      'job-name': 'pi',
      'batch.kubernetes.io/controller-uid': 'u1',
      'batch.kubernetes.io/job-name': 'pi',
    });
    expect(metadata.labels).toEqual({ app: 'pi' });
    expect(status).toEqual({});
    const bare = made((s) => delete s.template.metadata);
    expect(bare.metadata.labels).toEqual(bare.spec.template.metadata?.labels);
    expect(made((s) => (s.parallelism = 3)).spec.completions).toBeUndefined();
    const perIndex = made((s) => Object.assign(s, { backoffLimitPerIndex: 1, podFailurePolicy: { rules: [] } }));
    expect(perIndex.spec).toMatchObject({ backoffLimit: 2147483647, podReplacementPolicy: 'Failed' });
  });

  it('is valid, with a selector of its own or a generated one', () => {
    expect(errorsOf(() => undefined)).toEqual([]);
    expect(errorsOf(indexed)).toEqual([]);
    const manual = (labels: Record<string, string>) => (s: JobSpec) =>
      Object.assign(s, { manualSelector: true, selector: { matchLabels: labels } });
    expect(errorsOf(manual({ app: 'pi' }))).toEqual([]);
    expect(errorsOf(manual({ app: 'x' }))).toEqual([
      'spec.template.metadata.labels: Invalid value: {"app":"pi"}: `selector` does not match template `labels`',
    ]);
    expect(errorsOf((s) => (s.selector = { matchLabels: { app: 'pi' } }))).toEqual([
      'spec.selector: Invalid value: {"matchLabels":{"batch.kubernetes.io/controller-uid":"u1","app":"pi"}}: `selector` not auto-generated',
    ]);
    expect(errorsOf((s) => (s.template.metadata!.labels!['job-name'] = 'x'))).toContainEqual(
      expect.stringMatching(/^spec\.template\.metadata\.labels\[job-name\]: Invalid value: .*: must be 'pi'$/),
    );
  });

  it.each<[string, (spec: JobSpec) => void, string]>([
    [
      'a negative count',
      (s) => (s.backoffLimit = -1),
      'spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'pods that restart for ever',
      (s) => (s.template.spec.restartPolicy = 'Always'),
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
    [
      'another restart policy',
      (s) => (s.template.spec.restartPolicy = 'Odd'),
      'spec.template.spec.restartPolicy: Unsupported value: "Odd": supported values: "OnFailure", "Never"',
    ],
    [
      'another mode',
      (s) => (s.completionMode = 'Odd'),
      'spec.completionMode: Unsupported value: "Odd": supported values: "NonIndexed", "Indexed"',
    ],
    [
      'indexes without a number',
      (s) => Object.assign(s, { completionMode: 'Indexed', parallelism: 1 }),
      'spec.completions: Required value: when completion mode is Indexed',
    ],
    [
      'too many at once',
      (s) => Object.assign(s, { completionMode: 'Indexed', completions: 2, parallelism: 100001 }),
      'spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed',
    ],
    [
      'a limit per index without indexes',
      (s) => (s.backoffLimitPerIndex = 1),
      'spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode',
    ],
    [
      'failed indexes without their limit',
      (s) => (indexed(s), (s.maxFailedIndexes = 9)),
      'spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified',
    ],
    [
      'more failed indexes than there are',
      (s) => (indexed(s), Object.assign(s, { maxFailedIndexes: 9, backoffLimitPerIndex: 1 })),
      'spec.maxFailedIndexes: Invalid value: 9: must be less than or equal to completions',
    ],
    [
      'many completions without a bound',
      (s) => (indexed(s), Object.assign(s, { completions: 100001, backoffLimitPerIndex: 1 })),
      'spec.maxFailedIndexes: Required value: must be specified when completions is above 100000',
    ],
    [
      'a manager without a domain',
      (s) => (s.managedBy = 'me'),
      'spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")',
    ],
    [
      'a manager with a long name',
      (s) => (s.managedBy = `a.b/${'c'.repeat(60)}`),
      'spec.managedBy: Too long: may not be more than 63 bytes',
    ],
    [
      'another replacement',
      (s) => (s.podReplacementPolicy = 'Odd'),
      'spec.podReplacementPolicy: Unsupported value: "Odd": supported values: "Failed", "TerminatingOrFailed"',
    ],
    [
      'a success policy without indexes',
      (s) => (s.successPolicy = { rules: [{ succeededCount: 1 }] }),
      'spec.successPolicy: Invalid value: {"rules":[{"succeededCount":1}]}: requires indexed completion mode',
    ],
  ])('refuses %s', (_name, change, message) => {
    expect(errorsOf(change)).toContain(message);
  });

  it('refuses names whose pods could have no host name', () => {
    const job = made(indexed);
    const name = 'x'.repeat(62);
    job.metadata.name = name;
    expect(strategy.validate!(job).map(formatFieldError)).toContain(
      `metadata.name: Invalid value: "${name}": will not able to create pod with invalid DNS label: ${name}-4`,
    );
  });
});

describe('podFailurePolicy', () => {
  type Rule = NonNullable<JobSpec['podFailurePolicy']>['rules'][number];
  const rule = (value: object) => (s: JobSpec) => (s.podFailurePolicy = { rules: [value as Rule] });
  const RULE = 'spec.podFailurePolicy.rules[0]';

  it('is valid, with statuses filled in', () => {
    expect(errorsOf(rule({ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }))).toEqual([]);
    expect(
      errorsOf(rule({ action: 'FailJob', onExitCodes: { operator: 'In', containerName: 'c', values: [1, 2] } })),
    ).toEqual([]);
  });

  it.each([
    [
      { onExitCodes: { operator: 'In', values: [1] } },
      `${RULE}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]`,
    ],
    [
      { action: 'FailIndex', onExitCodes: { operator: 'In', values: [1] } },
      `${RULE}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set`,
    ],
    [{ action: 'Count' }, `${RULE}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required`],
    [
      { action: 'Count', onExitCodes: { operator: 'In', values: [0] } },
      `${RULE}.onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator`,
    ],
    [
      { action: 'Count', onExitCodes: { operator: 'In', values: [2, 1] } },
      `${RULE}.onExitCodes.values: Invalid value: [2,1]: must be ordered`,
    ],
    [
      { action: 'Count', onExitCodes: { operator: 'In', values: [2, 2] } },
      `${RULE}.onExitCodes.values[1]: Duplicate value: 2`,
    ],
    [
      { action: 'Count', onExitCodes: { operator: 'In', containerName: 'x', values: [2] } },
      `${RULE}.onExitCodes.containerName: Invalid value: "x": must be one of the container or initContainer names in the pod template`,
    ],
    [
      { action: 'Count', onPodConditions: [{ type: 'A', status: 'Odd' }] },
      `${RULE}.onPodConditions[0].status: Unsupported value: "Odd": supported values: "False", "True", "Unknown"`,
    ],
  ])('refuses %j', (value, message) => {
    expect(errorsOf(rule(value))).toContain(message);
  });

  it('wants pods that never restart', () => {
    const change = rule({ action: 'Count', onExitCodes: { operator: 'In', values: [1] } });
    expect(errorsOf((s) => (change(s), (s.template.spec.restartPolicy = 'OnFailure')))).toEqual([
      'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
    ]);
  });
});

describe('successPolicy', () => {
  const RULE = 'spec.successPolicy.rules[0]';
  it.each([
    [{}, `${RULE}: Required value: at least one of succeededCount or succeededIndexes must be specified`],
    [
      { succeededCount: 6 },
      `${RULE}.succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)`,
    ],
    [
      { succeededCount: 3, succeededIndexes: '1-2' },
      `${RULE}.succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)`,
    ],
    [
      { succeededIndexes: '5' },
      `${RULE}.succeededIndexes: Invalid value: "5": error parsing succeededIndexes: too large index: "5"`,
    ],
    [
      { succeededIndexes: '3,1' },
      `${RULE}.succeededIndexes: Invalid value: "3,1": error parsing succeededIndexes: non-increasing order, previous: 3, current: 1`,
    ],
    [
      { succeededIndexes: '1-2-3' },
      `${RULE}.succeededIndexes: Invalid value: "1-2-3": error parsing succeededIndexes: the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by '-'`,
    ],
    [
      { succeededIndexes: 'x' },
      `${RULE}.succeededIndexes: Invalid value: "x": error parsing succeededIndexes: cannot convert string to integer for index: "x"`,
    ],
  ])('refuses %j', (rule, message) => {
    expect(errorsOf((s) => (indexed(s), (s.successPolicy = { rules: [rule] })))).toEqual([message]);
  });
});

describe('updates', () => {
  const errorsFrom = (change: (job: Job) => void, previous = made()): string[] => {
    const next = structuredClone(previous);
    change(next);
    return strategy.validateUpdate!(next, previous).map(formatFieldError);
  };

  it('pause, resume and change the pace', () => {
    expect(errorsFrom(({ spec }) => Object.assign(spec, { suspend: true, parallelism: 3, backoffLimit: 9 }))).toEqual(
      [],
    );
  });

  it.each<[string, (job: Job) => void, string]>([
    ['completions', ({ spec }) => (spec.completions = 2), 'spec.completions: Invalid value: 2: field is immutable'],
    [
      'mode',
      ({ spec }) => Object.assign(spec, { completionMode: 'Indexed' }),
      'spec.completionMode: Invalid value: "Indexed": field is immutable',
    ],
    ['manager', ({ spec }) => (spec.managedBy = 'a.b/c'), 'spec.managedBy: Invalid value: "a.b/c": field is immutable'],
    [
      'failure policy',
      ({ spec }) =>
        (spec.podFailurePolicy = { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'A', status: 'True' }] }] }),
      'spec.podFailurePolicy: Invalid value: {"rules":[{"action":"Ignore","onPodConditions":[{"type":"A","status":"True"}]}]}: field is immutable',
    ],
  ])('keep the %s', (_name, change, message) => {
    expect(errorsFrom(change)).toContain(message);
  });

  it('keep the selector and the template', () => {
    expect(errorsFrom(({ spec }) => (spec.selector!.matchLabels!['app'] = 'pi'))).toContainEqual(
      expect.stringMatching(/^spec\.selector: .*: field is immutable$/),
    );
    expect(errorsFrom(({ spec }) => (spec.template.spec.containers[0]!.image = 'pi:2'))).toEqual([
      expect.stringMatching(/^spec\.template: .*: field is immutable$/),
    ]);
    expect(errorsFrom(({ spec }) => (spec.template.spec.nodeSelector = { a: 'b' }))).toHaveLength(1);
  });

  it('let a suspended Job be placed elsewhere and ask for other resources', () => {
    const place = ({ spec: { template } }: Job): void => {
      Object.assign(template.spec, {
        nodeSelector: { a: 'b' },
        tolerations: [{ key: 'a', operator: 'Exists' }],
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }],
            },
          },
        },
      });
      template.metadata!.annotations = { a: 'b' };
      template.spec.containers[0]!.resources = { requests: { cpu: '1' } };
    };
    const suspended = made((s) => (s.suspend = true));
    expect(errorsFrom(place, suspended)).toEqual([]);
    expect(errorsFrom(({ spec }) => (spec.template.spec.containers[0]!.image = 'x'), suspended)).toHaveLength(1);
    suspended.status = {
      startTime: '2026-01-01T00:00:00Z',
      active: 1,
      conditions: [{ type: 'Suspended', status: 'True' }],
    };
    expect(errorsFrom(place, suspended)).toHaveLength(1);
    suspended.status.active = 0;
    expect(errorsFrom(place, suspended)).toEqual([]);
  });

  it('scale an indexed Job by both of its numbers', () => {
    const previous = made((s) => (indexed(s), (s.parallelism = 5)));
    expect(errorsFrom(({ spec }) => Object.assign(spec, { completions: 3, parallelism: 3 }), previous)).toEqual([]);
    expect(errorsFrom(({ spec }) => (spec.completions = 3), previous)).toEqual([
      'spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism',
    ]);
  });
});

describe('a status', () => {
  const T0 = '2026-01-01T00:00:00Z';
  const T1 = '2026-01-01T00:01:00Z';
  const condition = (type: string): { type: string; status: string } => ({ type, status: 'True' });
  const done = {
    startTime: T0,
    completionTime: T1,
    conditions: [condition('SuccessCriteriaMet'), condition('Complete')],
  };

  function errorsOfStatus(next: object, previous: object = {}, change?: (spec: JobSpec) => void): string[] {
    const job = (status: object): Job => Object.assign(made(change), { status });
    return strategy.status!.validateUpdate!(job(next), job(previous)).map(formatFieldError);
  }

  it('goes from running to complete and stays there', () => {
    expect(errorsOfStatus({ startTime: T0, active: 1, ready: 1 })).toEqual([]);
    expect(errorsOfStatus({ ...done, succeeded: 1 }, { startTime: T0, active: 1 })).toEqual([]);
    expect(errorsOfStatus({ startTime: T0 }, done)).toEqual([
      'status.conditions: Invalid value: cannot disable the terminal Complete=True condition',
      'status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition',
    ]);
  });

  it('has a new start when its Job is resumed', () => {
    const suspended = { startTime: T0, conditions: [condition('Suspended')] };
    const resumed = { conditions: [{ type: 'Suspended', status: 'False' }] };
    expect(errorsOfStatus({ ...resumed, startTime: T1 }, suspended)).toEqual([]);
    expect(errorsOfStatus(resumed, suspended)).toHaveLength(1);
    expect(errorsOfStatus({ ...resumed, startTime: T1 }, { ...resumed, startTime: T0 })).toHaveLength(1);
  });

  it.each<[string, object, string]>([
    ['a negative count', { active: -1 }, 'status.active: Invalid value: -1: must be greater than or equal to 0'],
    [
      'more ready than active',
      { active: 1, ready: 2 },
      'status.ready: Invalid value: 2: cannot set more ready pods than active',
    ],
    [
      'both ends',
      { ...done, conditions: [condition('Complete'), condition('Failed')] },
      'status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions',
    ],
    [
      'an end with running pods',
      { ...done, active: 1 },
      'status.active: Invalid value: 1: active>0 is invalid for finished job',
    ],
    [
      'an end without a start',
      { ...done, startTime: undefined },
      'status.startTime: Required value: startTime is required for finished job',
    ],
    [
      'an end without its time',
      { ...done, completionTime: undefined },
      'status.completionTime: Required value: completionTime is required for Complete jobs',
    ],
    [
      'an end before the start',
      { ...done, startTime: T1, completionTime: T0 },
      `status.completionTime: Invalid value: "${T0}": completionTime cannot be set before startTime`,
    ],
    [
      'a time without an end',
      { completionTime: T0 },
      `status.completionTime: Invalid value: "${T0}": cannot set completionTime when there is no Complete=True condition`,
    ],
    [
      'failure without its target',
      { startTime: T0, conditions: [condition('Failed')] },
      'status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition',
    ],
    [
      'indexes of a Job without',
      { completedIndexes: '1' },
      'status.completedIndexes: Invalid value: "1": cannot set non-empty completedIndexes when non-indexed completion mode',
    ],
    [
      'failed indexes without a limit',
      { failedIndexes: '1' },
      'status.failedIndexes: Invalid value: "1": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
    ],
    [
      'a pod counted twice',
      { uncountedTerminatedPods: { succeeded: ['a'], failed: ['a'] } },
      'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
    ],
  ])('is refused with %s', (_name, status, message) => {
    expect(errorsOfStatus(status)).toContain(message);
  });

  it('counts up only, and keeps its start', () => {
    expect(errorsOfStatus({ failed: 1, succeeded: 1 }, { failed: 2, succeeded: 2, startTime: T0 })).toEqual([
      'status.failed: Invalid value: 1: cannot decrease the failed counter',
      'status.succeeded: Invalid value: 1: cannot decrease the succeeded counter',
      'status.startTime: Required value: startTime cannot be removed for unsuspended job',
    ]);
  });

  it('names every index once', () => {
    const perIndex = (s: JobSpec): void => (indexed(s), void (s.backoffLimitPerIndex = 1));
    expect(errorsOfStatus({ completedIndexes: '0,2-3', failedIndexes: '1,4' }, {}, perIndex)).toEqual([]);
    expect(errorsOfStatus({ completedIndexes: '0-3', failedIndexes: '2' }, {}, perIndex)).toEqual([
      'status.failedIndexes: Invalid value: "2": failedIndexes and completedIndexes overlap at index: 2',
    ]);
  });
});

it('columns are those of kubectl', () => {
  const row = (change: (job: Job) => void): unknown[] => {
    const job = made();
    change(job);
    const nowMs = Date.parse('2026-01-01T00:00:30Z');
    return jobs.additionalPrinterColumns.slice(0, 3).map(({ cell }) => cell(job, nowMs));
  };
  expect(jobs.additionalPrinterColumns.map(({ name }) => name).join()).toBe(
    'Status,Completions,Duration,Age,Containers,Images,Selector',
  );
  const startTime = '2026-01-01T00:00:00Z';
  expect(row((job) => (job.status = { startTime }))).toEqual(['Running', '0/1', '30s']);
  const completionTime = '2026-01-01T00:00:07Z';
  const conditions = [{ type: 'Complete', status: 'True' }];
  expect(row((job) => (job.status = { startTime, completionTime, conditions, succeeded: 1 }))).toEqual([
    'Complete',
    '1/1',
    '7s',
  ]);
  expect(row((job) => (job.status = { conditions: [{ type: 'Suspended', status: 'True' }] }))).toEqual([
    'Suspended',
    '0/1',
    '',
  ]);
  expect(row(({ spec }) => (delete spec.completions, (spec.parallelism = 3)))).toEqual(['Running', '0/1 of 3', '']);
  expect(row(({ metadata }) => (metadata.deletionTimestamp = startTime))[0]).toBe('Terminating');
  expect(jobs.selectableFields['status.successful']!(made())).toBe('0');
});
