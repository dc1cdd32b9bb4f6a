/** Which kinds a schema is: those that are served, and those that only travel (Scale, Eviction, DeleteOptions). */
import type { Resource } from '../../api/machinery/resource.ts';
import { definitionName } from '../../api/schema/definitions.ts';
import type { GroupVersionKind, Operation } from './operations.ts';
import { listSchemaOf } from './operations.ts';

/** Schema name to kinds, for what the operations of `resources` mention. */
export function kindsOf(
  resources: readonly Resource[],
  operations: readonly Operation[],
): Map<string, readonly GroupVersionKind[]> {
  const kinds = new Map<string, readonly GroupVersionKind[]>([
    ['V1Status', [{ group: '', version: 'v1', kind: 'Status' }]],
    ['V1DeleteOptions', deleteOptionKinds(resources)],
  ]);
  for (const { schema, body, kind } of operations.map((operation) => ({ ...operation, schema: operation.response }))) {
    for (const name of [schema, body]) {
      if (name !== undefined && definitionName(name)?.endsWith(`.${kind.kind}`) === true) kinds.set(name, [kind]);
    }
  }
  for (const resource of resources) {
    const { group, version, names } = resource;
    kinds.set(resource.schema, [{ group, version, kind: names.kind }]);
    if (resource.verbs.includes('list')) kinds.set(listSchemaOf(resource), [{ group, version, kind: names.listKind }]);
  }
  return kinds;
}

function deleteOptionKinds(resources: readonly Resource[]): GroupVersionKind[] {
  const known = new Map([['/v1', { group: '', version: 'v1', kind: 'DeleteOptions' }]]);
  for (const { group, version } of resources)
    known.set(`${group}/${version}`, { group, version, kind: 'DeleteOptions' });
  return [...known.values()];
}
