/** Listers over plain arrays, for tests of what reads through listers. */
import type { Lister, Listers } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { deepFreeze } from '../../base/freeze.ts';

/** Objects by `plural` or `plural.group`. A test replaces a kind's objects with `set`. */
export interface FakeListers {
  listers: Listers;
  set(resource: string, objects: readonly ApiObject[]): void;
}

/** Kinds that were never set have no objects. Without `withGenerations`, listers do not say when they change. */
export function fakeListers(
  initial: Record<string, readonly ApiObject[]> = {},
  { withGenerations = true }: { withGenerations?: boolean } = {},
): FakeListers {
  const kinds = new Map<string, { objects: readonly ApiObject[]; generation: number }>();
  const set = (resource: string, objects: readonly ApiObject[]): void => {
    const generation = (kinds.get(resource)?.generation ?? 0) + 1;
    kinds.set(resource, { objects: objects.map((object) => deepFreeze(object)), generation });
  };
  for (const [resource, objects] of Object.entries(initial)) set(resource, objects);
  const listerOf = (resource: string): Lister => {
    const get: Lister['get'] = (namespace, name) =>
      kinds
        .get(resource)
        ?.objects.find(({ metadata }) => metadata.name === name && (metadata.namespace ?? '') === namespace);
    const list: Lister['list'] = ({ namespace } = {}) => {
      const all = kinds.get(resource)?.objects ?? [];
      return all.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
    };
    if (!withGenerations) return { get, list };
    return {
      get,
      list,
      get generation() {
        return kinds.get(resource)?.generation ?? 0;
      },
    };
  };
  const listers = (({ group, plural }: { group: string; plural: string }) =>
    listerOf(group === '' ? plural : `${plural}.${group}`)) as Listers;
  return { listers, set };
}
