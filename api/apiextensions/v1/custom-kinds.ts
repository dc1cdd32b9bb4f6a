/** The kinds that definitions add, as a client names them: what works on objects of every kind needs no more. */
import { isConditionTrue } from './conditions.ts';
import type { CustomResourceDefinition } from './types.ts';
import { byVersionPriority } from './version-priority.ts';

export interface CustomKind {
  group: string;
  version: string;
  scope: 'Namespaced' | 'Cluster';
  names: { plural: string; kind: string };
}

/**
 * The served versions of an established definition; none of one that is not. The first is the one to read objects of
 * any kind in: that of storage, where it is served, which no webhook has to convert them to, else the preferred one.
 */
export function customKindsOf(definition: CustomResourceDefinition): CustomKind[] {
  if (!isConditionTrue(definition, 'Established')) return [];
  const { group, scope, names, versions } = definition.spec;
  return versions
    .filter(({ served }) => served)
    .sort((a, b) => Number(b.storage) - Number(a.storage) || byVersionPriority(a, b))
    .map(({ name }) => ({
      group,
      version: name,
      scope: scope === 'Namespaced' ? 'Namespaced' : 'Cluster',
      names: { plural: names.plural, kind: names.kind },
    }));
}
