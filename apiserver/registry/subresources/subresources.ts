/** The subresources of the built-in kinds that need nothing but the store. */
import type { Router, Subresource } from '../../router.ts';
import type { ServedKind } from '../served-kind.ts';
import { bindingSubresource } from './binding.ts';
import { evictionSubresource } from './eviction.ts';
import { finalizeSubresource } from './finalize.ts';
import { ephemeralContainersSubresource, resizeSubresource } from './pod-updates.ts';
import { hasScale, scaleSubresource } from './scale.ts';

const BY_PLURAL: Readonly<Record<string, readonly Subresource[]>> = {
  pods: [bindingSubresource, ephemeralContainersSubresource, resizeSubresource],
  namespaces: [finalizeSubresource],
};

function budgetsOf(router: Router): ServedKind | undefined {
  return router
    .kinds()
    .find(({ groupKind, resource }) => groupKind.kind === 'PodDisruptionBudget' && resource.view === undefined);
}

export function addSubresources(router: Router, kind: ServedKind): void {
  if (hasScale(kind)) router.addSubresource(kind, scaleSubresource);
  const own = kind.resource.group === '' ? (BY_PLURAL[kind.resource.names.plural] ?? []) : [];
  for (const subresource of own) router.addSubresource(kind, subresource);
  if (kind.resource.group === '' && kind.resource.names.plural === 'pods')
    router.addSubresource(
      kind,
      evictionSubresource(() => budgetsOf(router)),
    );
}
