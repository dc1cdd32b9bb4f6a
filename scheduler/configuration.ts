/**
 * The `KubeSchedulerConfiguration` of `kubescheduler.config.k8s.io/v1`, from what a file says to the profiles that the
 * scheduler runs (`pkg/scheduler/apis/config/v1/defaults.go`, `validation/validation.go`).
 */
import { deepEqual } from '../api/machinery/equality.ts';
import { duplicate, fieldPath, formatFieldError, invalid, required } from '../api/machinery/field-error.ts';
import type { FieldError, FieldPath } from '../api/machinery/field-error.ts';
import { CONFIGURATION, PLUGIN_ARGS, shapeProblems } from './config-shape.ts';
import { readExtenders, validateExtenders } from './extender-config.ts';
import type { ExtenderFields, ExtendersConfig } from './extender-config.ts';
import { EXTENSION_POINTS, PLUGIN_POINTS, pluginLists } from './extension-points.ts';
import type { ExtensionPoint, PluginsConfig } from './extension-points.ts';
import type { HttpExtenderSettings } from './http-extender.ts';
import { validatePluginArgs } from './plugin-args-validation.ts';
import type { PluginArgs } from './plugin-args.ts';
import { defaultProfile } from './profile.ts';
import type { SchedulerProfile } from './profile.ts';
import type { BackoffLimits } from './scheduling-queue.ts';

const API_VERSION = 'kubescheduler.config.k8s.io/v1';
const KIND = 'KubeSchedulerConfiguration';

/** What of a configuration the scheduler goes by. */
export interface SchedulerConfiguration {
  profiles: readonly SchedulerProfile[];
  backoff: BackoffLimits;
  /** In the order in which they are asked. */
  extenders: readonly HttpExtenderSettings[];
}

/** Says everything that is wrong with a configuration, a line for each. */
export class ConfigurationError extends Error {}

interface ProfileFields {
  schedulerName?: string;
  percentageOfNodesToScore?: number;
  plugins?: PluginsConfig;
  pluginConfig?: { name?: string; args?: unknown }[];
}

interface Fields {
  apiVersion?: string;
  kind?: string;
  parallelism?: number;
  leaderElection?: { leaderElect?: boolean; resourceLock?: string };
  percentageOfNodesToScore?: number;
  podInitialBackoffSeconds?: number;
  podMaxBackoffSeconds?: number;
  profiles?: ProfileFields[];
  extenders?: ExtenderFields[];
}

/** Of a parsed document; reads the files that it names. Throws `ConfigurationError`. */
export function readConfiguration(document: unknown): SchedulerConfiguration {
  const given = withoutNulls(document);
  const { apiVersion, kind } = (typeof given === 'object' && given !== null ? given : {}) as Fields;
  if (apiVersion !== API_VERSION || kind !== KIND) {
    const found = `${JSON.stringify(apiVersion ?? '')}, ${JSON.stringify(kind ?? '')}`;
    throw new ConfigurationError(`must be of apiVersion ${API_VERSION} and kind ${KIND}, and is of ${found}`);
  }
  const misshapen = [...shapeProblems(given, CONFIGURATION, ''), ...misshapenArgs(given as Fields)];
  if (misshapen.length > 0) throw new ConfigurationError(`strict decoding error: ${misshapen.join(', ')}`);
  const config = withDefaults(given as Fields);
  throwIfAny(validate(config));
  const { config: extenders, errors } = readExtenders(config.extenders ?? []);
  throwIfAny(errors);
  return configurationOf(config, extenders);
}

function throwIfAny(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw new ConfigurationError(errors.map(formatFieldError).join('\n'));
}

function misshapenArgs({ profiles }: Fields): string[] {
  if (!Array.isArray(profiles)) return [];
  return profiles.flatMap((profile, p) => {
    if (!Array.isArray(profile?.pluginConfig)) return [];
    return profile.pluginConfig.flatMap((config, i) => {
      const name = String(config?.name ?? '');
      const shape = Object.hasOwn(PLUGIN_ARGS, name) ? PLUGIN_ARGS[name] : undefined;
      const path = `profiles[${p}].pluginConfig[${i}].args`;
      return shape === undefined ? [] : shapeProblems(config.args, shape, path);
    });
  });
}

/** A field that is null is one that is not there. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const present = Object.entries(value).filter(([, field]) => field !== null && field !== undefined);
  return Object.fromEntries(present.map(([name, field]) => [name, withoutNulls(field)]));
}

interface Completed extends Fields {
  parallelism: number;
  percentageOfNodesToScore: number;
  podInitialBackoffSeconds: number;
  podMaxBackoffSeconds: number;
  profiles: ProfileFields[];
}

/** One profile alone needs no name; of several each does. */
function withDefaults(fields: Fields): Completed {
  const given = fields.profiles ?? [];
  const [only = {}] = given;
  const profiles = given.length > 1 ? given : [{ ...only, schedulerName: only.schedulerName ?? 'default-scheduler' }];
  return {
    ...fields,
    parallelism: fields.parallelism ?? 16,
    percentageOfNodesToScore: fields.percentageOfNodesToScore ?? 0,
    podInitialBackoffSeconds: fields.podInitialBackoffSeconds ?? 1,
    podMaxBackoffSeconds: fields.podMaxBackoffSeconds ?? 10,
    profiles,
  };
}

function validate(config: Completed): FieldError[] {
  const { parallelism, leaderElection, percentageOfNodesToScore, profiles, extenders = [] } = config;
  const { podInitialBackoffSeconds: initial, podMaxBackoffSeconds: most } = config;
  const errors: FieldError[] = [];
  const lock = leaderElection?.resourceLock ?? 'leases';
  if (leaderElection?.leaderElect !== false && lock !== 'leases') {
    const path = fieldPath('leaderElection', 'resourceLock');
    errors.push(invalid(path, lock, 'resourceLock value must be "leases"'));
  }
  if (parallelism <= 0) {
    errors.push(invalid(fieldPath('parallelism'), parallelism, 'should be an integer value greater than zero'));
  }
  errors.push(...validateProfiles(profiles));
  errors.push(...validatePercentage(percentageOfNodesToScore, fieldPath('percentageOfNodesToScore')));
  if (initial <= 0) errors.push(invalid(fieldPath('podInitialBackoffSeconds'), initial, 'must be greater than 0'));
  if (most < initial) {
    const problem = 'must be greater than or equal to PodInitialBackoffSeconds';
    errors.push(invalid(fieldPath('podMaxBackoffSeconds'), most, problem));
  }
  return [...errors, ...validateExtenders(extenders, fieldPath('extenders'))];
}

function validatePercentage(percentage: number | undefined, path: FieldPath): FieldError[] {
  if (percentage === undefined || (percentage >= 0 && percentage <= 100)) return [];
  return [invalid(path, percentage, 'not in valid range [0-100]')];
}

function validateProfiles(profiles: readonly ProfileFields[]): FieldError[] {
  const root = fieldPath('profiles');
  const seen = new Map<string, number>();
  return profiles.flatMap((profile, i) => {
    const path = root.index(i);
    const errors = validateProfile(profile, path);
    const first = seen.get(profile.schedulerName ?? '');
    if (first !== undefined) {
      errors.push(duplicate(path.child('schedulerName'), String(root.index(first).child('schedulerName'))));
    }
    seen.set(profile.schedulerName ?? '', i);
    const [{ plugins: common = {} } = {}] = profiles;
    if (!deepEqual(common.queueSort ?? {}, profile.plugins?.queueSort ?? {})) {
      const queueSort = path.child('plugins').child('queueSort');
      errors.push(invalid(queueSort, profile.plugins?.queueSort ?? {}, 'must be the same for all profiles'));
    }
    return errors;
  });
}

function validateProfile(profile: ProfileFields, path: FieldPath): FieldError[] {
  const { schedulerName = '', percentageOfNodesToScore, plugins = {}, pluginConfig = [] } = profile;
  const errors = schedulerName === '' ? [required(path.child('schedulerName'))] : [];
  errors.push(...validatePercentage(percentageOfNodesToScore, path.child('percentageOfNodesToScore')));
  errors.push(...validatePlugins(plugins, path.child('plugins')));
  errors.push(...validatePluginConfig(pluginConfig, path.child('pluginConfig')));
  return errors;
}

/** Plugins that there are, at points that they have; one order of the queue, and one plugin that binds at least. */
function validatePlugins(plugins: PluginsConfig, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const [point, { enabled = [] }] of Object.entries(plugins)) {
    const seen = new Set<string>();
    for (const [i, { name = '', weight = 0 }] of enabled.entries()) {
      const own = path.child(point).child('enabled').index(i);
      errors.push(...validateEnabled({ name, point, path: own }));
      if (seen.has(name)) errors.push(duplicate(own.child('name'), name));
      if (weight < 0) errors.push(invalid(own.child('weight'), weight, 'must not be negative'));
      seen.add(name);
    }
  }
  if (errors.length > 0) return errors;
  const defaults = Object.keys(PLUGIN_POINTS).map((name) => ({ name }));
  const lists = pluginLists({ defaults, config: plugins, has: hasPoint });
  if (lists.queueSort.length !== 1) {
    const count = lists.queueSort.length;
    errors.push(invalid(path.child('queueSort'), count, 'exactly one queue sort plugin must be enabled'));
  }
  if (lists.bind.length === 0) errors.push(required(path.child('bind'), 'at least one bind plugin is needed'));
  return errors;
}

function hasPoint(name: string, point: ExtensionPoint): boolean {
  return Object.hasOwn(PLUGIN_POINTS, name) && PLUGIN_POINTS[name]!.includes(point);
}

function validateEnabled({ name, point, path }: { name: string; point: string; path: FieldPath }): FieldError[] {
  if (!Object.hasOwn(PLUGIN_POINTS, name)) return [invalid(path.child('name'), name, 'there is no such plugin')];
  const isPoint = (one: string): one is ExtensionPoint => (EXTENSION_POINTS as readonly string[]).includes(one);
  if (!isPoint(point) || hasPoint(name, point)) return [];
  return [invalid(path.child('name'), name, `the plugin has no ${point}: it has ${PLUGIN_POINTS[name]!.join(', ')}`)];
}

function validatePluginConfig(configs: NonNullable<ProfileFields['pluginConfig']>, path: FieldPath): FieldError[] {
  const seen = new Set<string>();
  return configs.flatMap(({ name = '', args = {} }, i) => {
    const own = path.index(i);
    const errors: FieldError[] = seen.has(name) ? [duplicate(own, name)] : [];
    seen.add(name);
    if (!Object.hasOwn(PLUGIN_POINTS, name))
      return [...errors, invalid(own.child('name'), name, 'there is no such plugin')];
    const kind = (args as { kind?: string }).kind ?? `${name}Args`;
    if (kind !== `${name}Args`) return [...errors, invalid(own.child('args'), kind, 'has to match plugin args')];
    return [...errors, ...validatePluginArgs(name as keyof PluginArgs, args as object, own.child('args'))];
  });
}

function configurationOf(config: Completed, { extenders, ignoredResources }: ExtendersConfig): SchedulerConfiguration {
  const profiles = config.profiles.map(({ schedulerName = '', plugins, pluginConfig = [], ...profile }) => {
    const args: PluginArgs = Object.fromEntries(pluginConfig.map((one) => [one.name, one.args]));
    // In the place of the profile's own, as upstream.
    if (ignoredResources.length > 0) args.NodeResourcesFit = { ...args.NodeResourcesFit, ignoredResources };
    return {
      schedulerName,
      plugins: (options) => defaultProfile({ ...options, args }),
      percentageOfNodesToScore: profile.percentageOfNodesToScore ?? config.percentageOfNodesToScore,
      ...(plugins === undefined ? {} : { chosen: plugins }),
    } satisfies SchedulerProfile;
  });
  const backoff = { initialMs: config.podInitialBackoffSeconds * 1000, maxMs: config.podMaxBackoffSeconds * 1000 };
  return { profiles, backoff, extenders };
}
