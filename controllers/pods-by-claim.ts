/** Pods by the claims that they mount, for whoever has to do with claims. */
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { IndexDeclaration } from '../client/controller.ts';

/** By `namespace/name` of the claim. */
export const PODS_BY_CLAIM: IndexDeclaration = {
  resource: pods,
  name: 'persistentVolumeClaim',
  fn: (object) => claimKeys(object as Pod),
};

/** Those that it names, and those made for its ephemeral volumes. */
export function claimKeys({ metadata, spec }: Pod): string[] {
  const names = (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [persistentVolumeClaim.claimName];
    return ephemeral ? [`${metadata.name}-${name}`] : [];
  });
  return [...new Set(names)].map((name) => `${metadata.namespace ?? ''}/${name}`);
}
