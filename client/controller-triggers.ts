/** Which keys a controller reconciles when an object of a declared kind changes. */
import { merge, mergeMap } from 'rxjs';
import type { Observable } from 'rxjs';
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

/** Adds a key for every object there is and for every change from now on; returns what ends that. */
export function subscribeTriggers(controller: Controller, options: TriggerOptions): () => void {
  const { informer, add } = options;
  const own = informer(controller.for).keys;
  const owned = controller.owns.map((resource) =>
    informer(resource).changes.pipe(mergeMap((change) => ownerKeys(change, controller.for))),
  );
  const watched = controller.watches.map((watch) => watchedKeys(watch, options));
  const subscription = merge(own, ...owned, ...watched).subscribe(add);
  return () => subscription.unsubscribe();
}

/** The controller of the object, as it is and as it was, if that is of the kind `owner`. */
export function ownerKeys({ object, previous }: InformerChange<ApiObject>, owner: ResourceRef): string[] {
  const keys = new Set<string>();
  for (const { metadata } of previous === undefined ? [object] : [previous, object]) {
    const reference = controllerOf({ metadata });
    if (reference === undefined || !refersTo(reference, owner)) continue;
    const namespace = owner.scope === 'Namespaced' ? (metadata.namespace ?? '') : '';
    keys.add(formatKey({ namespace, name: reference.name }));
  }
  return [...keys];
}

function watchedKeys(watch: WatchDeclaration, { informer, reader, log }: TriggerOptions): Observable<string> {
  const mapped = (change: InformerChange<ApiObject>): string[] => {
    try {
      return mapChange(watch, change, reader);
    } catch (error) {
      const resource = formatResource(watch.resource);
      log.error('mapping a change to keys failed', { resource, key: change.key, error: String(error) });
      return [];
    }
  };
  return informer(watch.resource).changes.pipe(mergeMap(mapped));
}

function mapChange(watch: WatchDeclaration, change: InformerChange<ApiObject>, reader: CacheReader): string[] {
  const { type, object, previous } = change;
  if (type !== 'update' || previous === undefined) return [...watch.map(object, reader)];
  if (watch.isRelevant?.(object, previous) === false) return [];
  return [...new Set([...watch.map(previous, reader), ...watch.map(object, reader)])];
}
