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

/** The served versions of an established definition, the preferred one first; none of one that is not. */
export function customKindsOf(definition: CustomResourceDefinition): CustomKind[] {
  if (!isConditionTrue(definition, 'Established')) return [];
  const { group, scope, names, versions } = definition.spec;
  return versions
    .filter(({ served }) => served)
    .sort(byVersionPriority)
    .map(({ name }) => ({
      group,
      version: name,
      scope: scope === 'Namespaced' ? 'Namespaced' : 'Cluster',
      names: { plural: names.plural, kind: names.kind },
    }));
}
