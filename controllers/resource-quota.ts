/**
 * ResourceQuota: works out what a namespace uses, when a quota changes, when something goes, and now and then; what is
 * made is charged by admission (upstream `pkg/controller/resourcequota`).
 */
import { customResourceDefinitions } from '../api/apiextensions/v1/custom-resource-definition.ts';
import type { CustomResourceDefinition } from '../api/apiextensions/v1/types.ts';
import { amountOf } from '../api/core/v1/pod/resources.ts';
import type { ResourceAmounts } from '../api/core/v1/pod/resources.ts';
import type { QuotaEvaluator } from '../api/core/v1/quota/evaluator.ts';
import { countName, requirementsOf } from '../api/core/v1/quota/evaluator.ts';
import { quotaEvaluator } from '../api/core/v1/quota/evaluators.ts';
import type { ResourceQuota } from '../api/core/v1/resource-quota.ts';
import { resourceQuotas } from '../api/core/v1/resource-quota.ts';
import { deepEqual } from '../api/machinery/equality.ts';
import { isConflict, isNotFound } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { quantityFromInteger, ZERO_QUANTITY } from '../api/machinery/quantity.ts';
import type { Resource } from '../api/machinery/resource.ts';
import type { ResourceRef } from '../client/client.ts';
import type { Controller, ControllerContext, WatchDeclaration } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';
import { formatKey, keyOf } from '../client/keys.ts';

/** `resourceQuotaSyncPeriod` */
const RESYNC_MS = 5 * 60_000;
/**
 * What had passed admission when a quota came into force is stored a moment later, and no charge shows it: it is counted
 * once more then. (Upstream finds it with its next resync.)
 */
const SETTLE_MS = 10_000;
/** Custom resources are counted on demand: that one has gone is not noticed. */
const CUSTOM_RESYNC_MS = 30_000;

interface CountedKind {
  resource: Resource;
  evaluator: QuotaEvaluator;
}

export function resourceQuotaController(resources: readonly Resource[]): Controller {
  const kinds = countedKinds(resources);
  /** When each quota was last counted; 0 when something went since. */
  const countedMs = new Map<string, number>();
  /** Counted while they were not in force yet. */
  const unsettled = new Set<string>();
  const mustCount = (key: string): void => void countedMs.delete(key);
  /** For how long what was counted stands; a clock that was set back ends that. */
  const freshForMs = (key: string, periodMs: number, nowMs: number): number => {
    const sinceMs = nowMs - (countedMs.get(key) ?? -Infinity);
    return sinceMs < 0 ? 0 : (unsettled.has(key) ? SETTLE_MS : periodMs) - sinceMs;
  };
  return defineController<ResourceQuota>({
    name: 'resourcequota-controller',
    for: resourceQuotas,
    watches: kinds.map((kind) => replenishment(kind, mustCount)),
    reads: [customResourceDefinitions],
    writes: [resourceQuotas],
    workers: 5,
    resyncMs: RESYNC_MS,
    async reconcile(key, context) {
      const quota = context.lister<ResourceQuota>(resourceQuotas).get(key.namespace, key.name);
      const name = formatKey(key);
      if (quota === undefined) {
        mustCount(name);
        unsettled.delete(name);
      }
      if (quota === undefined || quota.metadata.deletionTimestamp !== undefined) return undefined;
      const custom = customCounts(quota, kinds);
      const isInForce = deepEqual(quota.status?.hard, quota.spec.hard);
      // Admission writes the quota whenever it charges it, before there is anything more to count.
      const leftMs = freshForMs(name, custom.length > 0 ? CUSTOM_RESYNC_MS : RESYNC_MS, context.now());
      if (isInForce && leftMs > 0) return unsettled.has(name) ? { requeueAfterMs: leftMs } : undefined;
      countedMs.set(name, context.now());
      if (isInForce) unsettled.delete(name);
      else unsettled.add(name);
      const usage = await currentUsage(quota, kinds, context);
      for (const [counted, amount] of await customUsage(quota, custom, context)) usage.set(counted, amount);
      if (!(await write(quota, usage, context))) mustCount(name);
      if (!isInForce) return { requeueAfterMs: SETTLE_MS };
      return custom.length > 0 ? { requeueAfterMs: CUSTOM_RESYNC_MS } : undefined;
    },
  });
}

/** Kinds whose objects are stored in namespaces, each in the version in which it is stored. */
function countedKinds(resources: readonly Resource[]): CountedKind[] {
  return resources
    .filter(({ scope, verbs, view }) => scope === 'Namespaced' && verbs.includes('watch') && view === undefined)
    .flatMap((resource) => {
      const evaluator = quotaEvaluator({ group: resource.group, plural: resource.names.plural });
      return evaluator === undefined ? [] : [{ resource, evaluator }];
    });
}

/**
 * Objects that went, or that use less than before. Not new ones: what is counted while others are being made lacks
 * those, though admission has charged them.
 */
function replenishment({ resource, evaluator }: CountedKind, mustCount: (key: string) => void): WatchDeclaration {
  const shrunk = new WeakSet<ApiObject>();
  return {
    resource,
    isRelevant(object, previous) {
      if (!canShrink(resource)) return false;
      const nowMs = Date.parse(object.metadata.deletionTimestamp ?? '') || 0;
      const [after, before] = [evaluator.usage(object, nowMs), evaluator.usage(previous, nowMs)];
      const isLess = [...before].some(([name, amount]) => (after.get(name) ?? ZERO_QUANTITY).cmp(amount) < 0);
      if (isLess) shrunk.add(object);
      return isLess;
    },
    map(object, cache) {
      const { namespace = '', name = '' } = object.metadata;
      if (!shrunk.has(object) && cache.lister(resource).get(namespace, name) !== undefined) return [];
      const keys = cache.lister(resourceQuotas).list({ namespace }).map(keyOf);
      for (const key of keys) mustCount(key);
      return keys;
    },
  };
}

function canShrink({ group, names }: Resource): boolean {
  return group === '' && ['pods', 'services', 'persistentvolumeclaims'].includes(names.plural);
}

type ObjectsOf = (resource: ResourceRef) => readonly ApiObject[] | Promise<readonly ApiObject[]>;

/**
 * By the caches, unless they would lower what admission has charged: they may lag behind the charge. Then the server is
 * asked, which knows every object whose charge the quota shows.
 */
async function currentUsage(
  quota: ResourceQuota,
  kinds: readonly CountedKind[],
  { lister, client, now }: ControllerContext,
): Promise<ResourceAmounts> {
  const namespace = quota.metadata.namespace!;
  const cached = await usageOf(quota, kinds, {
    objectsOf: (resource) => lister(resource).list({ namespace }),
    nowMs: now(),
  });
  const used = quota.status?.used ?? {};
  const isLower = [...cached].some(([name, amount]) => amount.cmp(amountOf(used, name)) < 0);
  if (!isLower) return cached;
  const objectsOf: ObjectsOf = async (resource) => (await client.list<ApiObject>(resource, { namespace })).items;
  return usageOf(quota, kinds, { objectsOf, nowMs: now() });
}

/** Of the quota's resources, summed over all objects that are of its scopes. */
async function usageOf(
  quota: ResourceQuota,
  kinds: readonly CountedKind[],
  { objectsOf, nowMs }: { objectsOf: ObjectsOf; nowMs: number },
): Promise<ResourceAmounts> {
  const names = Object.keys(quota.spec.hard ?? {});
  const requirements = requirementsOf(quota.spec);
  const total: ResourceAmounts = new Map();
  for (const { resource, evaluator } of kinds) {
    const counted = names.filter((name) => evaluator.counts(name));
    if (counted.length === 0) continue;
    for (const name of counted) total.set(name, ZERO_QUANTITY);
    for (const object of await objectsOf(resource)) {
      if (requirements.every((one) => evaluator.isOfScope?.(one, object) === true))
        addUsage(total, counted, evaluator.usage(object, nowMs));
    }
  }
  return total;
}

function addUsage(total: ResourceAmounts, names: readonly string[], usage: ResourceAmounts): void {
  for (const name of names) {
    const amount = usage.get(name);
    if (amount !== undefined) total.set(name, total.get(name)!.add(amount));
  }
}

/** Names under which the quota counts kinds that are not built in. */
function customCounts({ spec }: ResourceQuota, kinds: readonly CountedKind[]): string[] {
  // Scopes are of built-in kinds alone.
  if (requirementsOf(spec).length > 0) return [];
  return Object.keys(spec.hard ?? {}).filter(
    (name) => name.startsWith('count/') && !kinds.some(({ evaluator }) => evaluator.counts(name)),
  );
}

/** Numbers of custom resources, asked of the server: there are no informers of them here. */
async function customUsage(
  { metadata }: ResourceQuota,
  wanted: readonly string[],
  { lister, client }: ControllerContext,
): Promise<ResourceAmounts> {
  const counts: ResourceAmounts = new Map();
  if (wanted.length === 0) return counts;
  for (const { spec } of lister<CustomResourceDefinition>(customResourceDefinitions).list()) {
    const { plural, kind } = spec.names;
    const name = countName({ group: spec.group, plural });
    const version = spec.versions.find(({ served }) => served)?.name;
    if (!wanted.includes(name) || version === undefined || spec.scope !== 'Namespaced') continue;
    const ref: ResourceRef = { group: spec.group, version, scope: 'Namespaced', names: { plural, kind } };
    const { items } = await client.list<ApiObject>(ref, { namespace: metadata.namespace! });
    counts.set(name, quantityFromInteger(items.length));
  }
  return counts;
}

/** False when another write came first; its event brings the key back. */
async function write(quota: ResourceQuota, usage: ResourceAmounts, { client }: ControllerContext): Promise<boolean> {
  const hard = quota.spec.hard ?? {};
  const before = quota.status?.used ?? {};
  const isSame =
    deepEqual(hard, quota.status?.hard) &&
    usage.size === Object.keys(before).length &&
    [...usage].every(([name, amount]) => Object.hasOwn(before, name) && amountOf(before, name).cmp(amount) === 0);
  if (isSame) return true;
  const used = Object.fromEntries([...usage].map(([name, amount]) => [name, amount.toString()]));
  try {
    await client.update<ResourceQuota>(resourceQuotas, { ...quota, status: { hard, used } }, { subresource: 'status' });
    return true;
  } catch (error) {
    if (isNotFound(error)) return true;
    if (isConflict(error)) return false;
    throw error;
  }
}
