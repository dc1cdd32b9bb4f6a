/**
 * Where plugins can be enabled and disabled, and how a profile's lists come from what a configuration says
 * (`pkg/scheduler/apis/config/v1/default_plugins.go mergePlugins`, `pkg/scheduler/framework/runtime/framework.go
 * expandMultiPointPlugins`).
 */
export const EXTENSION_POINTS = [
  'preEnqueue',
  'queueSort',
  'preFilter',
  'filter',
  'postFilter',
  'preScore',
  'score',
  'reserve',
  'permit',
  'preBind',
  'bind',
  'postBind',
] as const;

export type ExtensionPoint = (typeof EXTENSION_POINTS)[number];

/** A plugin by name; no weight, or 0, is 1. */
export interface EnabledPlugin {
  name: string;
  weight?: number;
}

export interface PluginSet {
  enabled?: readonly EnabledPlugin[];
  /** `*` is all that would be there by default. */
  disabled?: readonly { name: string }[];
}

/** `multiPoint` stands for every point that a plugin has. */
export type PluginsConfig = Readonly<Partial<Record<ExtensionPoint | 'multiPoint', PluginSet>>>;

/** At each point, in the order in which they run. */
export type PluginLists = Readonly<Record<ExtensionPoint, readonly Required<EnabledPlugin>[]>>;

/** The default plugins and the points that each has, as upstream documents them. */
export const PLUGIN_POINTS: Readonly<Record<string, readonly ExtensionPoint[]>> = {
  SchedulingGates: ['preEnqueue'],
  PrioritySort: ['queueSort'],
  NodeUnschedulable: ['filter'],
  NodeName: ['filter'],
  TaintToleration: ['filter', 'preScore', 'score'],
  NodeAffinity: ['preFilter', 'filter', 'preScore', 'score'],
  NodePorts: ['preFilter', 'filter'],
  NodeResourcesFit: ['preFilter', 'filter', 'preScore', 'score'],
  VolumeRestrictions: ['preFilter', 'filter'],
  NodeVolumeLimits: ['preFilter', 'filter'],
  VolumeBinding: ['preFilter', 'filter', 'preScore', 'score', 'reserve', 'preBind'],
  VolumeZone: ['preFilter', 'filter'],
  PodTopologySpread: ['preFilter', 'filter', 'preScore', 'score'],
  InterPodAffinity: ['preFilter', 'filter', 'preScore', 'score'],
  DefaultPreemption: ['preEnqueue', 'postFilter'],
  NodeResourcesBalancedAllocation: ['preScore', 'score'],
  ImageLocality: ['score'],
  DefaultBinder: ['bind'],
};

export interface PluginChoice {
  /** What is enabled at every point when nothing else is said. */
  defaults: readonly EnabledPlugin[];
  config?: PluginsConfig;
  has(name: string, point: ExtensionPoint): boolean;
}

/** A plugin that does not have a point where it is enabled is left out there. */
export function pluginLists({ defaults, config = {}, has }: PluginChoice): PluginLists {
  const everywhere = merge(defaults, config.multiPoint ?? {});
  const lists = EXTENSION_POINTS.map((point) => {
    const own = config[point] ?? {};
    return [
      point,
      listAt(everywhere, own)
        .filter(({ name }) => has(name, point))
        .map(withWeight),
    ] as const;
  });
  return Object.fromEntries(lists) as Record<ExtensionPoint, Required<EnabledPlugin>[]>;
}

/** What is enabled takes the place of a default of its name, or comes behind them. */
function merge(defaults: readonly EnabledPlugin[], { enabled = [], disabled = [] }: PluginSet): EnabledPlugin[] {
  const isDisabled = disabling(disabled);
  const kept = defaults.filter(({ name }) => !isDisabled(name));
  const replaced = kept.map((plugin) => enabled.find(({ name }) => name === plugin.name) ?? plugin);
  return [...replaced, ...enabled.filter(({ name }) => !kept.some((plugin) => plugin.name === name))];
}

/** Those that override one of everywhere come first, then everywhere's, then others that are enabled here only. */
function listAt(everywhere: readonly EnabledPlugin[], { enabled = [], disabled = [] }: PluginSet): EnabledPlugin[] {
  const isDisabled = disabling(disabled);
  const inherited = everywhere.filter(({ name }) => !isDisabled(name));
  const isInherited = (one: EnabledPlugin): boolean => inherited.some(({ name }) => name === one.name);
  const isOwn = (one: EnabledPlugin): boolean => enabled.some(({ name }) => name === one.name);
  return [
    ...enabled.filter(isInherited),
    ...inherited.filter((plugin) => !isOwn(plugin)),
    ...enabled.filter((plugin) => !isInherited(plugin)),
  ];
}

function disabling(disabled: readonly { name: string }[]): (name: string) => boolean {
  const names = new Set(disabled.map(({ name }) => name));
  return (name) => names.has('*') || names.has(name);
}

function withWeight({ name, weight = 0 }: EnabledPlugin): Required<EnabledPlugin> {
  return { name, weight: weight === 0 ? 1 : weight };
}
