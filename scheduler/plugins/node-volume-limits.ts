/** NodeVolumeLimits: no more volumes of a CSI driver on a node than it says (`plugins/nodevolumelimits/csi.go`). */
import type { Pod } from '../../api/core/v1/pod.ts';
import { storageClassOf } from '../../api/core/v1/volume/access-modes.ts';
import { CONTINUE, SKIP } from '../framework.ts';
import type { Plugin, Rejection } from '../framework.ts';
import { podClaims, usesClaim } from '../pod-claims.ts';
import type { StorageReader } from '../storage-view.ts';

const REJECTION: Rejection = { code: 'Unschedulable', reasons: ['node(s) exceed max volume count'] };

/** Unique names of volumes, and their drivers. */
type DriverVolumes = ReadonlyMap<string, string>;

export function nodeVolumeLimits(storage: StorageReader): Plugin {
  return {
    name: 'NodeVolumeLimits',
    events: ['CSINodeAdd', 'CSINodeUpdate', 'AssignedPodDelete', 'PersistentVolumeClaimAdd'],
    queueingHint({ pod }, event) {
      if (event.name === 'PersistentVolumeClaimAdd') return usesClaim(pod, event.claim);
      if (event.name === 'AssignedPodDelete') return hasVolumes(event.pod);
      return true;
    },
    preFilter: ({ pod }) => (hasVolumes(pod) ? CONTINUE : SKIP),
    filter({ pod }, node) {
      const limits = limitsOf(storage, node.name);
      if (limits.size === 0) return undefined;
      const wanted = volumesOf(storage, pod);
      if (wanted.size === 0) return undefined;
      const attached = new Map<string, string>();
      for (const { pod: other } of node.pods.values())
        for (const [volume, driver] of volumesOf(storage, other)) attached.set(volume, driver);
      const fresh = new Map([...wanted].filter(([volume]) => !attached.has(volume)));
      const exceeds = ([driver, limit]: [string, number]): boolean =>
        countOf(fresh, driver) > 0 && countOf(fresh, driver) + countOf(attached, driver) > limit;
      return [...limits].some(exceeds) ? REJECTION : undefined;
    },
  };
}

function hasVolumes({ spec }: Pod): boolean {
  return (spec.volumes ?? []).some(({ persistentVolumeClaim, ephemeral }) => persistentVolumeClaim ?? ephemeral);
}

function limitsOf(storage: StorageReader, nodeName: string): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  for (const { name, allocatable } of storage.csiNode(nodeName)?.spec.drivers ?? [])
    if (allocatable?.count !== undefined) limits.set(name, allocatable.count);
  return limits;
}

const countOf = (volumes: DriverVolumes, driver: string): number =>
  [...volumes.values()].filter((one) => one === driver).length;

/** Those of CSI drivers, of claims bound or not; a claim that is not known counts for nothing. */
function volumesOf(storage: StorageReader, pod: Pod): DriverVolumes {
  const volumes = new Map<string, string>();
  const { namespace = '' } = pod.metadata;
  for (const { name } of podClaims(pod)) {
    const claim = storage.claim(namespace, name);
    if (claim === undefined) continue;
    const source = storage.volume(claim.spec.volumeName ?? '')?.spec.csi;
    const unbound = storage.storageClass(storageClassOf(claim))?.provisioner;
    if (source) volumes.set(`${source.driver}/${source.volumeHandle}`, source.driver);
    else if (unbound !== undefined && (claim.spec.volumeName ?? '') === '')
      volumes.set(`${unbound}/${namespace}/${name}`, unbound);
  }
  return volumes;
}
