/**
 * Which objects a pod refers to, and so may be read by the node that runs it
 * (upstream `pkg/api/v1/pod/util.go`, `VisitPodSecretNames` and `VisitPodConfigmapNames`).
 */
import type { AnyContainer, Pod, PodSpec, Volume } from '../../api/core/v1/pod.ts';

/** All in the pod's namespace. */
export interface PodReferences {
  secrets: ReadonlySet<string>;
  configMaps: ReadonlySet<string>;
  claims: ReadonlySet<string>;
  resourceClaims: ReadonlySet<string>;
  serviceAccount: string;
}

/** Where kinds of volumes name the secret that they need. */
const VOLUME_SECRETS: readonly ((volume: Volume) => string | undefined)[] = [
  ({ secret }) => secret?.secretName,
  ({ azureFile }) => azureFile?.secretName,
  ({ cephfs }) => cephfs?.secretRef?.name,
  ({ cinder }) => cinder?.secretRef?.name,
  ({ flexVolume }) => flexVolume?.secretRef?.name,
  ({ rbd }) => rbd?.secretRef?.name,
  ({ scaleIO }) => scaleIO?.secretRef?.name,
  ({ iscsi }) => iscsi?.secretRef?.name,
  ({ storageos }) => storageos?.secretRef?.name,
  ({ csi }) => csi?.nodePublishSecretRef?.name,
];

interface Names {
  secrets: Set<string>;
  configMaps: Set<string>;
  claims: Set<string>;
}

const found = new WeakMap<Pod, PodReferences>();

/** Kept for as long as the (frozen) pod is. */
export function referencesOf(pod: Pod): PodReferences {
  let references = found.get(pod);
  if (references === undefined) found.set(pod, (references = gather(pod)));
  return references;
}

function gather(pod: Pod): PodReferences {
  const names: Names = { secrets: new Set(), configMaps: new Set(), claims: new Set() };
  const { spec, status } = pod;
  if (spec !== undefined) gatherSpec(spec, pod.metadata.name ?? '', names);
  const claimed = [
    ...(spec?.resourceClaims ?? []).map(({ resourceClaimName }) => resourceClaimName),
    ...(status?.resourceClaimStatuses ?? []).map(({ resourceClaimName }) => resourceClaimName),
    status?.extendedResourceClaimStatus?.resourceClaimName,
  ];
  return {
    ...names,
    resourceClaims: new Set(claimed.filter((name) => name !== undefined && name !== '') as string[]),
    serviceAccount: spec?.serviceAccountName ?? '',
  };
}

function gatherSpec(spec: PodSpec, podName: string, names: Names): void {
  for (const { name } of spec.imagePullSecrets ?? []) add(names.secrets, name);
  const containers: AnyContainer[] = [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  for (const container of containers) gatherEnvironment(container, names);
  for (const volume of spec.volumes ?? []) gatherVolume(volume, podName, names);
}

function gatherEnvironment({ env, envFrom }: AnyContainer, names: Names): void {
  for (const { secretRef, configMapRef } of envFrom ?? []) {
    add(names.secrets, secretRef?.name);
    add(names.configMaps, configMapRef?.name);
  }
  for (const { valueFrom } of env ?? []) {
    add(names.secrets, valueFrom?.secretKeyRef?.name);
    add(names.configMaps, valueFrom?.configMapKeyRef?.name);
  }
}

function gatherVolume(volume: Volume, podName: string, names: Names): void {
  for (const secretOf of VOLUME_SECRETS) add(names.secrets, secretOf(volume));
  add(names.configMaps, volume.configMap?.name);
  for (const { secret, configMap } of volume.projected?.sources ?? []) {
    add(names.secrets, secret?.name);
    add(names.configMaps, configMap?.name);
  }
  add(names.claims, volume.persistentVolumeClaim?.claimName);
  // The claim of a generic ephemeral volume has the pod's and the volume's name.
  if (volume.ephemeral !== undefined) add(names.claims, `${podName}-${volume.name}`);
}

function add(names: Set<string>, name: string | undefined): void {
  if (name !== undefined && name !== '') names.add(name);
}
