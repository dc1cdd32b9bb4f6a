/** What volume a claim gets, and on which node: pure. */
import type { Node } from '../../api/core/v1/node.ts';
import type { PersistentVolume } from '../../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import { BOUND_BY_CONTROLLER, claimRefTo, PROVISIONED_BY } from '../../api/core/v1/volume/binding.ts';
import { PV_PROTECTION_FINALIZER } from '../../api/core/v1/volume/protection.ts';
import type { StorageClass } from '../../api/storage/v1/storage-class.ts';

/** Of classes whose volumes are folders of nodes. */
export const LOCAL_PROVISIONER = 'nocher.io/local';
/** Keeps a volume whose folder is still to be removed (`HonorPVReclaimPolicy`). */
export const PROVISIONER_FINALIZER = 'external-provisioner.volume.kubernetes.io/finalizer';
const HOSTNAME = 'kubernetes.io/hostname';

/** Never a name that a user chose: uids are the server's. */
export function volumeNameOf({ metadata }: PersistentVolumeClaim): string {
  return `pvc-${metadata.uid ?? ''}`;
}

/** Why there can be no such volume; it can only help to change the claim or its class. */
export function refusalOf({ spec }: PersistentVolumeClaim, storageClass: StorageClass): string | undefined {
  if (spec.volumeMode === 'Block') return 'block volumes are not supported: they are folders of a node';
  if (spec.selector !== undefined) return 'claim.Spec.Selector is not supported';
  if (spec.dataSource !== undefined || spec.dataSourceRef !== undefined) return 'data sources are not supported';
  if ((storageClass.mountOptions ?? []).length > 0) return 'mount options are not supported';
  const parameters = Object.keys(storageClass.parameters ?? {});
  return parameters.length === 0 ? undefined : `unknown parameters: ${parameters.sort().join(', ')}`;
}

/** The best of those that there are: where pods can go, with the fewest volumes, the first by name. */
export function chooseNode(
  nodes: readonly Node[],
  storageClass: StorageClass,
  volumesOn: (nodeName: string) => number,
): Node | undefined {
  const ranked = nodes
    .filter((node) => isAllowed(node, storageClass))
    .map((node) => ({ node, reluctance: reluctanceOf(node), volumes: volumesOn(node.metadata.name ?? '') }));
  let best = ranked[0];
  for (const one of ranked) {
    if (best !== undefined && compare(one, best) < 0) best = one;
  }
  return best?.node;
}

interface Ranked {
  node: Node;
  reluctance: number;
  volumes: number;
}

function compare(a: Ranked, b: Ranked): number {
  if (a.reluctance !== b.reluctance) return a.reluctance - b.reluctance;
  if (a.volumes !== b.volumes) return a.volumes - b.volumes;
  return (a.node.metadata.name ?? '') < (b.node.metadata.name ?? '') ? -1 : 1;
}

function reluctanceOf({ spec, status }: Node): number {
  const isReady = status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
  const isTainted = spec.taints?.some(({ effect }) => effect !== 'PreferNoSchedule') === true;
  return (isReady ? 0 : 2) + (isTainted || spec.unschedulable === true ? 1 : 0);
}

/** `MatchTopologySelectorTerms` */
export function isAllowed({ metadata }: Node, { allowedTopologies = [] }: StorageClass): boolean {
  if (allowedTopologies.length === 0) return true;
  const labels = metadata.labels ?? {};
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => Object.hasOwn(labels, key) && values.includes(labels[key]!)),
  );
}

export interface VolumePlan {
  claim: PersistentVolumeClaim;
  storageClass: StorageClass;
  nodeName: string;
  path: string;
}

export function volumeFor({ claim, storageClass, nodeName, path }: VolumePlan): PersistentVolume {
  const hostname = { key: HOSTNAME, operator: 'In', values: [nodeName] };
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: volumeNameOf(claim),
      annotations: { [PROVISIONED_BY]: LOCAL_PROVISIONER, [BOUND_BY_CONTROLLER]: 'yes' },
      finalizers: [PV_PROTECTION_FINALIZER, PROVISIONER_FINALIZER],
    },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.['storage'] ?? '0' },
      accessModes: claim.spec.accessModes ?? [],
      volumeMode: 'Filesystem',
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata.name!,
      claimRef: claimRefTo(claim),
      local: { path },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [hostname] }] } },
    },
  };
}

/** The node of a volume that was made here; undefined for every other volume. */
export function nodeOfVolume({ metadata, spec }: PersistentVolume): string | undefined {
  if (metadata.annotations?.[PROVISIONED_BY] !== LOCAL_PROVISIONER) return undefined;
  const [term] = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  return term?.matchExpressions?.find(({ key }) => key === HOSTNAME)?.values?.[0];
}

/** Its claim is over and so is it, or somebody deletes it whom nothing keeps from doing so. */
export function isToBeRemoved({ metadata, spec, status }: PersistentVolume): boolean {
  if (metadata.finalizers?.includes(PROVISIONER_FINALIZER) !== true && metadata.deletionTimestamp !== undefined)
    return false;
  if (spec.persistentVolumeReclaimPolicy !== 'Delete') return false;
  if (status?.phase === 'Released' || status?.phase === 'Failed') return true;
  return metadata.deletionTimestamp !== undefined && status?.phase !== 'Bound';
}
