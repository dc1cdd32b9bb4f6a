/**
 * VolumeRestrictions: disks that only one machine can have, and claims that only one pod can have
 * (`plugins/volumerestrictions/volume_restrictions.go`).
 */
import type { Pod, Volume } from '../../api/core/v1/pod.ts';
import { CONTINUE, SKIP, stateKey } from '../framework.ts';
import type { Cycle, Plugin, Rejection } from '../framework.ts';
import { podClaims, usesClaim } from '../pod-claims.ts';
import type { PodInfo } from '../pod-info.ts';
import type { StorageReader } from '../storage-view.ts';

const DISK_CONFLICT: Rejection = { code: 'Unschedulable', reasons: ['node(s) had no available disk'] };
const CLAIM_CONFLICT: Rejection = {
  code: 'Unschedulable',
  reasons: ['node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode'],
};

/** The pod's claims for one pod only, and how often pods use them now, wherever these are. */
interface SinglePodClaims {
  namespace: string;
  names: ReadonlySet<string>;
  uses: number;
}

const SINGLE_POD = stateKey<SinglePodClaims>('claims for one pod', (value) => ({ ...value }));

export function volumeRestrictions(storage: StorageReader): Plugin {
  return {
    name: 'VolumeRestrictions',
    events: ['AssignedPodDelete', 'NodeAdd', 'PersistentVolumeClaimAdd'],
    queueingHint({ pod }, event) {
      if (event.name === 'PersistentVolumeClaimAdd') return usesClaim(pod, event.claim);
      if (event.name === 'AssignedPodDelete') return mayFree(pod, event.pod);
      return true;
    },
    preFilter(cycle) {
      const { pod, state } = cycle;
      const { namespace = '' } = pod.metadata;
      const names = new Set<string>();
      for (const { name, isEphemeral } of podClaims(pod)) {
        if (isEphemeral) continue;
        const claim = storage.claim(namespace, name);
        if (claim === undefined) return { type: 'reject', rejection: notFound(name) };
        if (claim.spec.accessModes?.includes('ReadWriteOncePod') === true) names.add(name);
      }
      if (names.size === 0 && !(pod.spec.volumes ?? []).some(isExclusive)) return SKIP;
      const claims: SinglePodClaims = { namespace, names, uses: 0 };
      state.write(SINGLE_POD, names.size === 0 ? claims : { ...claims, uses: countUses(cycle, claims) });
      return CONTINUE;
    },
    addPod({ state }, podInfo) {
      const claims = state.get(SINGLE_POD);
      claims.uses += usesOf(podInfo, claims);
    },
    removePod({ state }, podInfo) {
      const claims = state.get(SINGLE_POD);
      claims.uses -= usesOf(podInfo, claims);
    },
    filter({ pod, state }, node) {
      const exclusive = (pod.spec.volumes ?? []).filter(isExclusive);
      if (exclusive.length > 0) {
        for (const { pod: other } of node.pods.values()) if (conflict(exclusive, other)) return DISK_CONFLICT;
      }
      return state.get(SINGLE_POD).uses > 0 ? CLAIM_CONFLICT : undefined;
    },
  };
}

const notFound = (name: string): Rejection => ({
  code: 'UnschedulableAndUnresolvable',
  reasons: [`persistentvolumeclaim ${JSON.stringify(name)} not found`],
});

/** Only few pods have such claims: those look at all pods. */
function countUses({ snapshot }: Cycle, claims: SinglePodClaims): number {
  let uses = 0;
  for (const { pods } of snapshot.nodes) for (const podInfo of pods.values()) uses += usesOf(podInfo, claims);
  return uses;
}

function usesOf({ pod }: PodInfo, { namespace, names }: SinglePodClaims): number {
  if (names.size === 0 || pod.metadata.namespace !== namespace) return 0;
  return podClaims(pod).filter(({ name }) => names.has(name)).length;
}

/** Whether the end of `gone` may let the pod have what it waits for. */
function mayFree(pod: Pod, gone: Pod): boolean {
  const exclusive = (pod.spec.volumes ?? []).filter(isExclusive);
  if (exclusive.length > 0 && conflict(exclusive, gone)) return true;
  if (pod.metadata.namespace !== gone.metadata.namespace) return false;
  const names = new Set(podClaims(gone).map(({ name }) => name));
  return podClaims(pod).some(({ name }) => names.has(name));
}

function isExclusive({ gcePersistentDisk, awsElasticBlockStore, rbd, iscsi }: Volume): boolean {
  return [gcePersistentDisk, awsElasticBlockStore, rbd, iscsi].some((source) => source !== undefined);
}

function conflict(exclusive: readonly Volume[], { spec }: Pod): boolean {
  return (spec.volumes ?? []).some((other) => exclusive.some((volume) => isSameDisk(volume, other)));
}

/** Whether two volumes cannot be on one machine; those that are only read can. */
function isSameDisk(a: Volume, b: Volume): boolean {
  const bothRead = (one?: { readOnly?: boolean }, other?: { readOnly?: boolean }): boolean =>
    one?.readOnly === true && other?.readOnly === true;
  if (a.gcePersistentDisk && b.gcePersistentDisk) {
    const isSame = a.gcePersistentDisk.pdName === b.gcePersistentDisk.pdName;
    return isSame && !bothRead(a.gcePersistentDisk, b.gcePersistentDisk);
  }
  if (a.awsElasticBlockStore && b.awsElasticBlockStore)
    return a.awsElasticBlockStore.volumeID === b.awsElasticBlockStore.volumeID;
  if (a.iscsi && b.iscsi) return a.iscsi.iqn === b.iscsi.iqn && !bothRead(a.iscsi, b.iscsi);
  if (!a.rbd || !b.rbd) return false;
  const others = b.rbd.monitors;
  const sharesMonitor = a.rbd.monitors.some((monitor) => others.includes(monitor));
  const isSame = sharesMonitor && a.rbd.pool === b.rbd.pool && a.rbd.image === b.rbd.image;
  return isSame && !bothRead(a.rbd, b.rbd);
}
