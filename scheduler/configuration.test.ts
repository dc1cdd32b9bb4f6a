import { describe, expect, it } from '@jest/globals';
import { readConfiguration } from './configuration.ts';
import type { SchedulerConfiguration } from './configuration.ts';

const read = (fields: object): SchedulerConfiguration =>
  readConfiguration({
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    ...fields,
  });
const profile = (fields: object): object => ({ profiles: [fields] });
const config = (name: string, args: object): object => profile({ pluginConfig: [{ name, args }] });
const plugins = (fields: object): object => profile({ plugins: fields });
const enabled = (...names: string[]): object => ({ enabled: names.map((name) => ({ name })) });

describe('readConfiguration() [S11]', () => {
  it('has the defaults of upstream when nothing is said', () => {
    const { profiles, backoff } = read({});
    expect(profiles.map(({ schedulerName }) => schedulerName)).toEqual(['default-scheduler']);
    expect(profiles[0]!.percentageOfNodesToScore).toBe(0);
    expect(backoff).toEqual({ initialMs: 1000, maxMs: 10_000 });
  });

  it('reads profiles, shares and times, and leaves what is for another process', () => {
    const { profiles, backoff } = read({
      parallelism: 4,
      leaderElection: { leaderElect: true, resourceLock: 'leases' },
      clientConnection: { kubeconfig: '/etc/kubernetes/scheduler.conf', qps: 100 },
      percentageOfNodesToScore: 30,
      podInitialBackoffSeconds: 2,
      podMaxBackoffSeconds: 20,
      extenders: null,
      profiles: [
        { schedulerName: 'default-scheduler' },
        { schedulerName: 'no-scoring', percentageOfNodesToScore: 5, plugins: { score: { disabled: [{ name: '*' }] } } },
      ],
    });
    expect(profiles.map((one) => [one.schedulerName, one.percentageOfNodesToScore, one.chosen])).toEqual([
      ['default-scheduler', 30, undefined],
      ['no-scoring', 5, { score: { disabled: [{ name: '*' }] } }],
    ]);
    expect(backoff).toEqual({ initialMs: 2000, maxMs: 20_000 });
  });

  it.each<[string, object, string]>([
    ['another kind', { kind: 'Pod' }, 'must be of apiVersion kubescheduler.config.k8s.io/v1'],
    [
      'an older version',
      { apiVersion: 'kubescheduler.config.k8s.io/v1beta3' },
      '"kubescheduler.config.k8s.io/v1beta3"',
    ],
    ['an unknown field', { perCent: 1 }, 'strict decoding error: unknown field "perCent"'],
    [
      'unknown fields further in',
      profile({ plugins: { filters: {}, score: { enable: [] } } }),
      'strict decoding error: unknown field "profiles[0].plugins.filters", unknown field "profiles[0].plugins.score.enable"',
    ],
    ['a field of a prototype', profile({ constructor: 1 }), 'unknown field "profiles[0].constructor"'],
    ['a wrong type', profile({ schedulerName: 1 }), 'profiles[0].schedulerName: must be a string'],
    ['a fraction', { parallelism: 1.5 }, 'parallelism: must be an integer'],
    ['no list', { profiles: {} }, 'profiles: must be a list'],
    ['no object', { profiles: [1] }, 'profiles[0]: must be an object'],
    ['unknown args', config('NodeAffinity', { added: {} }), 'unknown field "profiles[0].pluginConfig[0].args.added"'],
    [
      'no parallelism',
      { parallelism: 0 },
      'parallelism: Invalid value: 0: should be an integer value greater than zero',
    ],
    ['no lock', { leaderElection: { resourceLock: 'endpoints' } }, 'resourceLock value must be "leases"'],
    [
      'a share beyond all',
      profile({ percentageOfNodesToScore: 101 }),
      'profiles[0].percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]',
    ],
    [
      'a backoff that shrinks',
      { podInitialBackoffSeconds: 5, podMaxBackoffSeconds: 1 },
      'podMaxBackoffSeconds: Invalid value: 1: must be greater than or equal to PodInitialBackoffSeconds',
    ],
    [
      'no backoff',
      { podInitialBackoffSeconds: 0 },
      'podInitialBackoffSeconds: Invalid value: 0: must be greater than 0',
    ],
    ['a nameless one of two', { profiles: [{ schedulerName: 'a' }, {}] }, 'profiles[1].schedulerName: Required value'],
    [
      'the same name twice',
      { profiles: [{ schedulerName: 'a' }, { schedulerName: 'a' }] },
      'profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"',
    ],
    [
      'an unknown plugin',
      plugins({ filter: enabled('Nope') }),
      'profiles[0].plugins.filter.enabled[0].name: Invalid value',
    ],
    ['a plugin of Object', plugins({ filter: enabled('toString') }), '"toString": there is no such plugin'],
    [
      'a point that it lacks',
      plugins({ score: enabled('NodePorts') }),
      'the plugin has no score: it has preFilter, filter',
    ],
    [
      'a plugin twice',
      plugins({ score: enabled('ImageLocality', 'ImageLocality') }),
      'Duplicate value: "ImageLocality"',
    ],
    [
      'no order',
      plugins({ queueSort: { disabled: [{ name: '*' }] } }),
      'exactly one queue sort plugin must be enabled',
    ],
    ['nobody who binds', plugins({ bind: { disabled: [{ name: '*' }] } }), 'at least one bind plugin is needed'],
    [
      'two orders',
      {
        profiles: [
          { schedulerName: 'a' },
          { schedulerName: 'b', plugins: { queueSort: { disabled: [{ name: '*' }], ...enabled('PrioritySort') } } },
        ],
      },
      'must be the same for all profiles',
    ],
    [
      'no candidates',
      config('DefaultPreemption', { minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0 }),
      'args.minCandidateNodesPercentage: Invalid value: 0: cannot be zero at the same time as minCandidateNodesAbsolute',
    ],
    [
      'a share of candidates beyond all',
      config('DefaultPreemption', { minCandidateNodesPercentage: 101 }),
      'not in valid range [0, 100]',
    ],
    ['args of another plugin', config('NodeAffinity', { kind: 'NodeResourcesFitArgs' }), 'has to match plugin args'],
    [
      'a strategy that there is not',
      config('NodeResourcesFit', { scoringStrategy: { type: 'Best' } }),
      'profiles[0].pluginConfig[0].args.scoringStrategy.type: Unsupported value: "Best"',
    ],
  ])('refuses %s', (_name, fields, problem) => {
    expect(() => read(fields)).toThrow(problem);
  });

  it.each([undefined, null, 5, 'text', [[]]])('refuses %p', (document) => {
    expect(() => readConfiguration(document)).toThrow('must be of apiVersion');
  });

  it('says everything that is wrong at once', () => {
    expect(() => read({ parallelism: -1, percentageOfNodesToScore: -1 })).toThrow(
      /parallelism: .*\npercentageOfNodesToScore: /,
    );
  });
});
