/** Which ResourceClaims a pod means (`staging/src/k8s.io/dynamic-resource-allocation/resourceclaim/claim.go`): pure. */
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import type { ResourceClaim } from '../../api/resource/v1/resource-claim.ts';
import type { ResourceClaimTemplate } from '../../api/resource/v1/resource-claim-template.ts';
import type { IndexDeclaration } from '../../client/controller.ts';
import { isControlledBy, newControllerRef } from '../../client/owner-references.ts';
import { isPodTerminal } from '../pods.ts';

export type PodClaim = NonNullable<Pod['spec']['resourceClaims']>[number];

export type MeantClaim =
  /** `isMade`: from a template, so that it must be the pod's own. */
  | { type: 'named'; name: string; isMade: boolean }
  /** It was found out before that none is needed. */
  | { type: 'none' }
  /** Of a template, and not made yet. */
  | { type: 'missing' };

/** Says for which of its claims a pod's own one was made. */
export const POD_CLAIM_ANNOTATION = 'resource.kubernetes.io/pod-claim-name';

/** Of a name with five random characters behind a hyphen, of 63 characters. */
const MAX_BASE_LENGTH = 57;

export function meantClaim(
  { status }: Pod,
  { name, resourceClaimName, resourceClaimTemplateName }: PodClaim,
): MeantClaim {
  if (resourceClaimName) return { type: 'named', name: resourceClaimName, isMade: false };
  if (!resourceClaimTemplateName) return { type: 'none' };
  const made = status?.resourceClaimStatuses?.find((one) => one.name === name);
  if (made === undefined) return { type: 'missing' };
  return made.resourceClaimName ? { type: 'named', name: made.resourceClaimName, isMade: true } : { type: 'none' };
}

/** `namespace/name` of those that are named. */
export function claimKeysOf(pod: Pod): string[] {
  return (pod.spec?.resourceClaims ?? []).flatMap((podClaim) => {
    const meant = meantClaim(pod, podClaim);
    return meant.type === 'named' ? [`${pod.metadata.namespace ?? ''}/${meant.name}`] : [];
  });
}

/** By `namespace/name` of the claim. */
export const PODS_BY_RESOURCE_CLAIM: IndexDeclaration = {
  resource: pods,
  name: 'resourceClaim',
  fn: (object) => claimKeysOf(object as Pod),
};

/** By `namespace/name` of the template. */
export const PODS_BY_CLAIM_TEMPLATE: IndexDeclaration = {
  resource: pods,
  name: 'resourceClaimTemplate',
  fn: ({ metadata, ...pod }) =>
    ((pod as Partial<Pod>).spec?.resourceClaims ?? []).flatMap(({ resourceClaimTemplateName: name }) =>
      name ? [`${metadata.namespace ?? ''}/${name}`] : [],
    ),
};

/** None of its containers runs, nor ever will (`isPodDone`). */
export function isPodDone(pod: Pod): boolean {
  const isUnplaced = (pod.spec?.nodeName ?? '') === '';
  return isPodTerminal(pod) || (pod.metadata.deletionTimestamp !== undefined && isUnplaced);
}

export function isReservedFor({ status }: ResourceClaim, { metadata }: Pod): boolean {
  return status?.reservedFor?.some(({ uid }) => uid === metadata.uid) ?? false;
}

/** The one that was made for this claim of the pod, of those that the pod owns. */
export function findMade(pod: Pod, podClaim: PodClaim, owned: readonly ResourceClaim[]): ResourceClaim | undefined {
  const isFor = ({ metadata }: ResourceClaim): boolean =>
    metadata.annotations?.[POD_CLAIM_ANNOTATION] === podClaim.name;
  return owned.find((claim) => isControlledBy(claim, pod) && isFor(claim));
}

/** As the template says, and the pod's own. */
export function claimOf(pod: Pod, podClaim: PodClaim, { spec }: ResourceClaimTemplate): ResourceClaim {
  const { labels, annotations } = spec.metadata ?? {};
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: {
      generateName: generateNameOf(pod.metadata.name ?? '', podClaim.name),
      namespace: pod.metadata.namespace ?? '',
      ...(labels === undefined ? {} : { labels }),
      annotations: { ...annotations, [POD_CLAIM_ANNOTATION]: podClaim.name },
      ownerReferences: [newControllerRef(pod, pods)],
    },
    spec: spec.spec,
  };
}

/** `<pod>-<claim>-`; of long names, a part of each that is as large as it is of both. */
export function generateNameOf(podName: string, claimName: string): string {
  const whole = `${podName}-${claimName}-`;
  if (whole.length <= MAX_BASE_LENGTH) return whole;
  const part = (name: string): string => name.slice(0, Math.floor((name.length * MAX_BASE_LENGTH) / whole.length));
  return `${part(podName)}-${part(claimName)}`;
}
