/** Which keys a controller reconciles when an object of a declared kind changes. */
import { Subscription } from 'rxjs';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Logger } from '../base/log.ts';
import type { ResourceRef } from './client.ts';
import type { CacheReader, Controller, WatchDeclaration } from './controller.ts';
import type { Informer, InformerChange } from './informer.ts';
import { formatKey, formatResource } from './keys.ts';
import { controllerOf, refersTo } from './owner-references.ts';

export interface TriggerOptions {
  informer(resource: ResourceRef): Informer;
  reader: CacheReader;
  log: Logger;
  add(key: string): void;
}

const NONE: readonly string[] = [];

/**
 * Adds a key for every object there is and for every change from now on; returns what ends that. Every pod's changes
 * come to a dozen controllers: what they mean is called, not merged as streams of streams.
 */
export function subscribeTriggers(controller: Controller, options: TriggerOptions): () => void {
  const { informer, add } = options;
  const subscription = new Subscription();
  subscription.add(subscribeOwn(controller, options));
  for (const resource of controller.owns) {
    const onChange = (change: InformerChange<ApiObject>): void => ownerKeys(change, controller.for).forEach(add);
    subscription.add(informer(resource).changes.subscribe(onChange));
  }
  for (const watch of controller.watches) subscription.add(subscribeWatch(watch, options));
  return () => subscription.unsubscribe();
}

function subscribeOwn(controller: Controller, { informer, add }: TriggerOptions): Subscription {
  const { concerns } = controller;
  const own = informer(controller.for);
  if (concerns === undefined) return own.keys.subscribe((key) => add(key));
  return own.changes.subscribe(({ key, object, previous }) => {
    if (concerns(object) || (previous !== undefined && concerns(previous))) add(key);
  });
}

/** The controller of the object, as it is and as it was, if that is of the kind `owner`. */
export function ownerKeys({ object, previous }: InformerChange<ApiObject>, owner: ResourceRef): readonly string[] {
  if (!hasOwners(object) && (previous === undefined || !hasOwners(previous))) return NONE;
  const keys = new Set<string>();
  for (const { metadata } of previous === undefined ? [object] : [previous, object]) {
    const reference = controllerOf({ metadata });
    if (reference === undefined || !refersTo(reference, owner)) continue;
    const namespace = owner.scope === 'Namespaced' ? (metadata.namespace ?? '') : '';
    keys.add(formatKey({ namespace, name: reference.name }));
  }
  return [...keys];
}

function hasOwners({ metadata }: ApiObject): boolean {
  return metadata.ownerReferences !== undefined;
}

function subscribeWatch(watch: WatchDeclaration, { informer, reader, log, add }: TriggerOptions): Subscription {
  return informer(watch.resource).changes.subscribe((change) => {
    try {
      mapChange(watch, change, reader).forEach(add);
    } catch (error) {
      const resource = formatResource(watch.resource);
      log.error('mapping a change to keys failed', { resource, key: change.key, error: String(error) });
    }
  });
}

function mapChange(
  watch: WatchDeclaration,
  { type, object, previous }: InformerChange<ApiObject>,
  reader: CacheReader,
): readonly string[] {
  if (type !== 'update' || previous === undefined) return watch.map(object, reader);
  if (watch.isRelevant?.(object, previous) === false) return NONE;
  const before = watch.map(previous, reader);
  const after = watch.map(object, reader);
  if (before.length === 0) return after;
  return after.length === 0 ? before : [...new Set([...before, ...after])];
}
