/**
 * A volume is one claim's, and stays it; a claim that a pod uses does not go before the pod. A pod runs where its
 * volumes are. A StatefulSet's claims outlive it and its pods unless its retention policy says otherwise. At rest no
 * volume is left of claims that are gone (where its class would have it deleted), and what can be bound is.
 */
import type { PersistentVolume } from '../../../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import type { StatefulSet } from '../../../api/apps/v1/stateful-set.ts';
import type { ClusterState } from '../state.ts';
import { isActive } from '../state.ts';
import { DATA } from '../workloads/claims.ts';
import type { Check, CheckContext, Invariant } from './invariant.ts';

const CLAIMS = 'persistentvolumeclaims';
const VOLUMES = 'persistentvolumes';
const HOSTNAME = 'kubernetes.io/hostname';

export const claims: Invariant = (context) => {
  const { cluster, violated } = context;
  /** Whether a policy of the set has ever had claims deleted. */
  let mayGo = false;
  return {
    onChange({ kind, name, object, previous }) {
      if (kind === 'statefulsets' && object !== undefined) mayGo ||= deletesClaims(object as StatefulSet);
      if (kind === VOLUMES) checkVolume(object as PersistentVolume | undefined, previous as PersistentVolume, context);
      if (kind === 'pods' && object !== undefined) checkPlace(object as Pod, previous as Pod | undefined, context);
      if (kind !== CLAIMS || previous === undefined) return;
      checkClaim(object as PersistentVolumeClaim | undefined, previous as PersistentVolumeClaim, context);
      const isLeaving = object === undefined || object.metadata.deletionTimestamp !== undefined;
      if (isLeaving && !mayGo && name.startsWith(`default/rows-${DATA}-`)) violated(`claim ${name} is not retained`);
    },
    atRest() {
      const { state } = cluster;
      for (const claim of state.all<PersistentVolumeClaim>(CLAIMS)) checkBound(claim, context);
      for (const { metadata, spec } of state.all<PersistentVolume>(VOLUMES)) {
        const isOrphan = spec.claimRef?.uid !== undefined && state.byUid(spec.claimRef.uid) === undefined;
        if (isOrphan && spec.persistentVolumeReclaimPolicy === 'Delete')
          violated(`volume ${metadata.name} has outlived its claim`);
      }
      for (const set of state.all<StatefulSet>('statefulsets')) checkRetention(set, context);
    },
  } satisfies Check;
};

function deletesClaims({ spec }: StatefulSet): boolean {
  const { whenScaled, whenDeleted } = spec.persistentVolumeClaimRetentionPolicy ?? {};
  return whenScaled === 'Delete' || whenDeleted === 'Delete';
}

function checkVolume(volume: PersistentVolume | undefined, before: PersistentVolume, { violated }: CheckContext): void {
  const owner = before?.spec.claimRef?.uid;
  const next = volume?.spec.claimRef?.uid;
  if (owner !== undefined && next !== undefined && owner !== next)
    violated(`volume ${volume!.metadata.name} goes from one claim to another`);
}

function checkClaim(
  claim: PersistentVolumeClaim | undefined,
  before: PersistentVolumeClaim,
  { cluster: { state }, violated }: CheckContext,
): void {
  const { name = '', namespace } = before.metadata;
  if (claim === undefined) {
    const user = state.all<Pod>('pods').find((pod) => isAtWork(pod) && uses(pod, name));
    if (user?.metadata.namespace === namespace) violated(`claim ${name} is gone, and ${user?.metadata.name} uses it`);
    return;
  }
  const { volumeName } = claim.spec;
  if (volumeName === undefined || before.spec.volumeName === volumeName) return;
  if (before.spec.volumeName !== undefined) violated(`claim ${name} goes from one volume to another`);
  const sharing = state.all<PersistentVolumeClaim>(CLAIMS).filter(({ spec }) => spec.volumeName === volumeName);
  if (sharing.length > 1) violated(`volume ${volumeName} is bound to ${sharing.length} claims, one is ${name}`);
}

/** Bound to a node, and not at its end. */
function isAtWork({ spec, status }: Pod): boolean {
  return spec.nodeName !== undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

function claimsOf({ spec }: Pod): string[] {
  return (spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
}

function uses(pod: Pod, claim: string): boolean {
  return claimsOf(pod).includes(claim);
}

function checkPlace(pod: Pod, before: Pod | undefined, { cluster: { state }, violated }: CheckContext): void {
  const { nodeName } = pod.spec;
  if (nodeName === undefined || before?.spec.nodeName === nodeName || !isActive(pod)) return;
  for (const name of claimsOf(pod)) {
    const claim = state.get<PersistentVolumeClaim>(CLAIMS, `${pod.metadata.namespace}/${name}`);
    // It may have gone while the pod was being placed; the kubelet would wait.
    if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) continue;
    const volume = state.get<PersistentVolume>(VOLUMES, claim.spec.volumeName ?? '');
    if (volume === undefined) violated(`${pod.metadata.name} is placed, and its claim ${name} has no volume`);
    else if (!hostsOf(volume).includes(nodeName))
      violated(`${pod.metadata.name} is on ${nodeName}, and its volume on ${hostsOf(volume).join()}`);
  }
}

function hostsOf({ spec }: PersistentVolume): readonly string[] {
  const [term] = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  return term?.matchExpressions?.find(({ key }) => key === HOSTNAME)?.values ?? [];
}

/** `wait` needs a pod, and there are two that want the volume that was made by hand. */
function checkBound(claim: PersistentVolumeClaim, { cluster: { state }, violated }: CheckContext): void {
  const { name = '' } = claim.metadata;
  const isWanted = claim.spec.storageClassName === 'now' || state.all<Pod>('pods').some((pod) => uses(pod, name));
  if (isWanted && claim.status?.phase !== 'Bound') violated(`claim ${name} is not bound: ${claim.status?.phase}`);
  const claimed = state.get<PersistentVolume>(VOLUMES, claim.spec.volumeName ?? '')?.spec.claimRef?.uid;
  if (claim.spec.volumeName !== undefined && claimed !== claim.metadata.uid)
    violated(`claim ${name} and its volume do not name each other`);
}

function checkRetention({ metadata, spec }: StatefulSet, { cluster: { state }, violated }: CheckContext): void {
  const isScaledDown = spec.persistentVolumeClaimRetentionPolicy?.whenScaled === 'Delete';
  for (const [index, name] of ordinals(metadata.name!, state)) {
    if (isScaledDown && index >= (spec.replicas ?? 1)) violated(`claim ${name} is not deleted, and its pod is gone`);
  }
}

function ordinals(set: string, state: ClusterState): [number, string][] {
  const prefix = `rows-${set}-`;
  return state.all(CLAIMS).flatMap(({ metadata: { name = '' } }): [number, string][] => {
    return name.startsWith(prefix) ? [[Number(name.slice(prefix.length)), name]] : [];
  });
}
