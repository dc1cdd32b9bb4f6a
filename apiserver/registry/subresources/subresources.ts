/** The subresources of the built-in kinds that need nothing but the store. */
import type { Router, Subresource, VerbHandler } from '../../router.ts';
import type { ServedKind } from '../served-kind.ts';
import { approvalSubresource } from './approval.ts';
import { bindingCreation, bindingSubresource } from './binding.ts';
import { componentStatuses } from './component-statuses.ts';
import { evictionSubresource } from './eviction.ts';
import { finalizeSubresource } from './finalize.ts';
import { ephemeralContainersSubresource, resizeSubresource } from './pod-updates.ts';
import { hasScale, scaleSubresource } from './scale.ts';

/** By plural and group. */
const OWN: Readonly<Record<string, readonly Subresource[]>> = {
  'pods.': [bindingSubresource, ephemeralContainersSubresource, resizeSubresource],
  'namespaces.': [finalizeSubresource],
  'certificatesigningrequests.certificates.k8s.io': [approvalSubresource],
};

/** Kinds of the core group that are answered without being stored. */
const ASKED: Readonly<Record<string, (router: Router) => Record<string, VerbHandler>>> = {
  bindings: (router) => ({ create: bindingCreation(() => podsOf(router)) }),
  componentstatuses: () => componentStatuses,
};

function podsOf(router: Router): ServedKind {
  return router.kinds().find(({ groupResource }) => groupResource.group === '' && groupResource.resource === 'pods')!;
}

function budgetsOf(router: Router): ServedKind | undefined {
  return router
    .kinds()
    .find(({ groupKind, resource }) => groupKind.kind === 'PodDisruptionBudget' && resource.view === undefined);
}

export function addSubresources(router: Router, kind: ServedKind): void {
  if (hasScale(kind)) router.addSubresource(kind, scaleSubresource);
  const { names, group } = kind.resource;
  const asked = group === '' ? ASKED[names.plural]?.(router) : undefined;
  if (asked !== undefined) router.addAsked(kind, asked);
  for (const subresource of OWN[`${names.plural}.${group}`] ?? []) router.addSubresource(kind, subresource);
  if (kind.resource.group === '' && kind.resource.names.plural === 'pods')
    router.addSubresource(
      kind,
      evictionSubresource(() => budgetsOf(router)),
    );
}
