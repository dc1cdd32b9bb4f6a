/** A kind's objects by namespace, kept while none of them changes: most namespaces have none, and are asked all the time. */
import type { Lister } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';

export function objectsByNamespace<T extends ApiObject>(lister: Lister<T>): (namespace: string) => readonly T[] {
  const known = new Map<string, readonly T[]>();
  let generation: number | undefined;
  return (namespace) => {
    if (lister.generation === undefined || lister.generation !== generation) {
      known.clear();
      ({ generation } = lister);
    }
    let objects = known.get(namespace);
    if (objects === undefined) {
      objects = lister.list({ namespace });
      known.set(namespace, objects);
    }
    return objects;
  };
}
