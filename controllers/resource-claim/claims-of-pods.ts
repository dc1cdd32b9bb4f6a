/**
 * Makes the ResourceClaims that pods want from templates, tells the pods their names, and reserves claims for pods that
 * have a node without the scheduler's doing (`pkg/controller/resourceclaim/controller.go syncPod`).
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import type { ResourceClaim } from '../../api/resource/v1/resource-claim.ts';
import { resourceClaims } from '../../api/resource/v1/resource-claim.ts';
import type { ResourceClaimTemplate } from '../../api/resource/v1/resource-claim-template.ts';
import { resourceClaimTemplates } from '../../api/resource/v1/resource-claim-template.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { keyOf } from '../../client/keys.ts';
import { isControlledBy } from '../../client/owner-references.ts';
import { OWNER_UID_INDEX } from '../../client/store.ts';
import { isPodTerminal } from '../pods.ts';
import { claimOf, findMade, isReservedFor, meantClaim } from './pod-claims.ts';
import { PODS_BY_CLAIM_TEMPLATE, PODS_BY_RESOURCE_CLAIM } from './pod-claims.ts';
import type { PodClaim } from './pod-claims.ts';

type MadeClaim = { name: string; resourceClaimName: string };

export const claimsOfPods = defineController<Pod>({
  name: 'resource-claim-controller',
  component: 'resource_claim',
  for: pods,
  concerns: (pod) => ((pod as Pod).spec.resourceClaims ?? []).length > 0,
  // A claim that somebody deletes is made again.
  owns: [resourceClaims],
  watches: [
    {
      resource: resourceClaims,
      map: (claim, context) => context.byIndex<Pod>(pods, PODS_BY_RESOURCE_CLAIM.name, keyOf(claim)).map(keyOf),
    },
    {
      resource: resourceClaimTemplates,
      map: (template, context) => context.byIndex<Pod>(pods, PODS_BY_CLAIM_TEMPLATE.name, keyOf(template)).map(keyOf),
    },
  ],
  indexes: [PODS_BY_RESOURCE_CLAIM, PODS_BY_CLAIM_TEMPLATE],
  writes: [pods, resourceClaims],
  async reconcile({ namespace, name }, context) {
    const pod = context.lister<Pod>(pods).get(namespace, name);
    // Of a pod that has ended nobody uses a claim any more.
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined || isPodTerminal(pod)) return undefined;
    const made: MadeClaim[] = [];
    for (const podClaim of pod.spec.resourceClaims ?? []) {
      const resourceClaimName = await ensureOrTell(pod, podClaim, context);
      if (resourceClaimName !== undefined) made.push({ name: podClaim.name, resourceClaimName });
    }
    if (made.length > 0) await tellPod(pod, made, context);
    // Before it has a node, that is the scheduler's.
    else if ((pod.spec.nodeName ?? '') !== '') await reserveAll(pod, context);
    return undefined;
  },
});

/** The name that the pod does not know yet. Throws, so that it is tried again, when there cannot be a claim. */
async function ensureOrTell(pod: Pod, podClaim: PodClaim, context: ControllerContext): Promise<string | undefined> {
  try {
    return await ensureClaim(pod, podClaim, context);
  } catch (error) {
    const message = `PodResourceClaim ${podClaim.name}: ${(error as Error).message}`;
    const about = { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata };
    context.events.event(about, 'Warning', 'FailedResourceClaimCreation', message);
    throw error;
  }
}

async function ensureClaim(pod: Pod, podClaim: PodClaim, context: ControllerContext): Promise<string | undefined> {
  const { namespace = '', uid = '' } = pod.metadata;
  const templateName = podClaim.resourceClaimTemplateName;
  const meant = meantClaim(pod, podClaim);
  if (!templateName || meant.type === 'none') return undefined;
  if (meant.type === 'named') {
    const known = context.lister<ResourceClaim>(resourceClaims).get(namespace, meant.name);
    if (known !== undefined && isControlledBy(known, pod)) return undefined;
  }
  // Made before, when the pod could not be told.
  const owned = context.byIndex<ResourceClaim>(resourceClaims, OWNER_UID_INDEX, uid);
  const made = findMade(pod, podClaim, owned) ?? (await makeClaim(pod, podClaim, context));
  return made.metadata.name;
}

function makeClaim(pod: Pod, podClaim: PodClaim, { lister, client }: ControllerContext): Promise<ResourceClaim> {
  const name = podClaim.resourceClaimTemplateName ?? '';
  const template = lister<ResourceClaimTemplate>(resourceClaimTemplates).get(pod.metadata.namespace ?? '', name);
  if (template === undefined) {
    const quoted = JSON.stringify(name);
    throw new Error(`resource claim template ${quoted}: resourceclaimtemplate.resource.k8s.io ${quoted} not found`);
  }
  return client.create<ResourceClaim>(resourceClaims, claimOf(pod, podClaim, template));
}

async function tellPod({ metadata }: Pod, made: readonly MadeClaim[], { client }: ControllerContext): Promise<void> {
  const { namespace = '', name = '', uid } = metadata;
  const body = { metadata: { uid }, status: { resourceClaimStatuses: made } };
  await client.patch<Pod>(pods, { namespace, name }, { type: 'strategic', body, subresource: 'status' });
}

async function reserveAll(pod: Pod, { lister, client }: ControllerContext): Promise<void> {
  const { namespace = '', name = '', uid = '' } = pod.metadata;
  for (const podClaim of pod.spec.resourceClaims ?? []) {
    const meant = meantClaim(pod, podClaim);
    if (meant.type !== 'named') continue;
    const claim = lister<ResourceClaim>(resourceClaims).get(namespace, meant.name);
    if (claim === undefined) return;
    if (claim.status?.allocation === undefined || isReservedFor(claim, pod)) continue;
    const reservedFor = [...(claim.status.reservedFor ?? []), { resource: 'pods', name, uid }];
    const next = { ...claim, status: { ...claim.status, reservedFor } };
    await client.update<ResourceClaim>(resourceClaims, next, { subresource: 'status' });
  }
}
