import { describe, expect, it } from '@jest/globals';
import { fieldPath } from '../api/machinery/field-error.ts';
import { validatePluginArgs } from './plugin-args-validation.ts';
import type { PluginArgs } from './plugin-args.ts';

const PATH = fieldPath('args');

function problemsOf(plugin: string, args: unknown): string[] {
  const name = plugin as keyof PluginArgs;
  return validatePluginArgs(name, args as NonNullable<PluginArgs[typeof name]>, PATH).map(
    ({ field, message }) => `${field}: ${message}`,
  );
}

const ratio = (shape: unknown) => ({
  scoringStrategy: { type: 'RequestedToCapacityRatio', requestedToCapacityRatio: { shape } },
});
const constraint = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' };

describe('validatePluginArgs() [S1]', () => {
  it.each<[string, unknown]>([
    ['ImageLocality', { anything: true }],
    ['NodeAffinity', {}],
    ['NodeResourcesFit', {}],
    ['NodeResourcesFit', { ignoredResources: ['example.com/gpu'], ignoredResourceGroups: ['example.com'] }],
    ['NodeResourcesFit', { scoringStrategy: { type: 'MostAllocated', resources: [{ name: 'cpu', weight: 100 }] } }],
    ['NodeResourcesFit', { scoringStrategy: { type: 'LeastAllocated', resources: [{ name: 'cpu', weight: 0 }] } }],
    ['NodeResourcesFit', ratio([{ utilization: 0, score: 0 }, { utilization: 100, score: 10 }])], // prettier-ignore
    [
      'NodeResourcesBalancedAllocation',
      {
        resources: [
          { name: 'cpu', weight: 1 },
          { name: 'memory', weight: 0 },
        ],
      },
    ],
    ['InterPodAffinity', { hardPodAffinityWeight: 100 }],
    ['PodTopologySpread', { defaultingType: 'List', defaultConstraints: [constraint] }],
    ['VolumeBinding', { bindTimeoutSeconds: 0 }],
  ])('finds nothing wrong with %s %j', (plugin, args) => {
    expect(problemsOf(plugin, args)).toEqual([]);
  });

  const strategy = 'args.scoringStrategy';
  const shape = `${strategy}.requestedToCapacityRatio.shape`;
  const first = 'args.defaultConstraints[0]';
  it.each<[string, unknown, string[]]>([
    [
      'NodeAffinity',
      { addedAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
      [
        'args.addedAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
      ],
    ],
    [
      'NodeResourcesFit',
      { ignoredResourceGroups: ['a/b'] },
      [`args.ignoredResourceGroups[0]: Invalid value: "a/b": resource group name can't contain '/'`],
    ],
    [
      'NodeResourcesFit',
      { scoringStrategy: { type: 'Best' } },
      [
        `${strategy}.type: Unsupported value: "Best": supported values: "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"`,
      ],
    ],
    [
      'NodeResourcesFit',
      { scoringStrategy: {} },
      [
        `${strategy}.type: Unsupported value: "": supported values: "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"`,
      ],
    ],
    [
      'NodeResourcesFit',
      { scoringStrategy: { type: 'LeastAllocated', resources: [{ name: 'cpu', weight: 101 }] } },
      [`${strategy}.resources[0].weight: Invalid value: 101: resource weight of cpu not in valid range (0, 100]`],
    ],
    [
      'NodeResourcesFit',
      { scoringStrategy: { type: 'MostAllocated', requestedToCapacityRatio: {} } },
      [`${strategy}.requestedToCapacityRatio: Forbidden: must be nil when type is not RequestedToCapacityRatio`],
    ],
    [
      'NodeResourcesFit',
      { scoringStrategy: { type: 'RequestedToCapacityRatio' } },
      [`${strategy}.requestedToCapacityRatio: Required value: must be specified when type is RequestedToCapacityRatio`],
    ],
    ['NodeResourcesFit', ratio([]), [`${shape}: Required value: at least one point must be specified`]],
    [
      'NodeResourcesFit',
      ratio([
        { utilization: 50, score: 11 },
        { utilization: 50, score: 0 },
        { utilization: 101, score: 0 },
      ]),
      [
        `${shape}[1].utilization: Invalid value: 50: values must be sorted in increasing order`,
        `${shape}[0].score: Invalid value: 11: not in valid range [0, 10]`,
        `${shape}[2].utilization: Invalid value: 101: not in valid range [0, 100]`,
      ],
    ],
    [
      'NodeResourcesBalancedAllocation',
      { resources: [{ name: 'cpu' }, { name: 'cpu', weight: 2 }] },
      ['args.resources[1].name: Duplicate value: "cpu"', 'args.resources[1].weight: Invalid value: 2: must be 1'],
    ],
    [
      'InterPodAffinity',
      { hardPodAffinityWeight: 101 },
      ['args.hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]'],
    ],
    [
      'PodTopologySpread',
      { defaultConstraints: [constraint] },
      ['args.defaultingType: Invalid value: "System": when .defaultConstraints are not empty'],
    ],
    [
      'PodTopologySpread',
      { defaultingType: 'Own' },
      ['args.defaultingType: Unsupported value: "Own": supported values: "System", "List"'],
    ],
    [
      'PodTopologySpread',
      {
        defaultingType: 'List',
        defaultConstraints: [{ maxSkew: 0, whenUnsatisfiable: 'Maybe', labelSelector: {} }, constraint, constraint],
      },
      [
        `${first}.maxSkew: Invalid value: 0: not in valid range (0, inf)`,
        `${first}.topologyKey: Required value: can not be empty`,
        `${first}.whenUnsatisfiable: Unsupported value: "Maybe": supported values: "DoNotSchedule", "ScheduleAnyway"`,
        `${first}.labelSelector: Forbidden: constraint must not define a selector, as they deduced for each pod`,
        'args.defaultConstraints[2]: Duplicate value: "{zone, ScheduleAnyway}"',
      ],
    ],
    [
      'VolumeBinding',
      { bindTimeoutSeconds: -1, shape: [] },
      [
        'args.bindTimeoutSeconds: Invalid value: -1: invalid BindTimeoutSeconds, should not be a negative value',
        'args.shape: Invalid value: []: unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring',
      ],
    ],
  ])('says what is wrong with %s %j', (plugin, args, problems) => {
    expect(problemsOf(plugin, args)).toEqual(problems);
  });
});
