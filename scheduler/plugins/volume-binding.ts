/**
 * VolumeBinding: a node must be able to have the volumes of the pod's claims, bound or yet to be bound
 * (`plugins/volumebinding/volume_binding.go`).
 */
import { bindVolumeToClaim, isFullyBound, SELECTED_NODE, withAnnotations } from '../../api/core/v1/volume/binding.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import { keyOf } from '../../client/keys.ts';
import { CONTINUE, SKIP, stateKey } from '../framework.ts';
import type { CycleState, Plugin, Rejection } from '../framework.ts';
import type { VolumeBindingArgs } from '../plugin-args.ts';
import { podClaims, usesClaim } from '../pod-claims.ts';
import { claimProblem, findPodVolumes, sortClaims } from '../pod-volumes.ts';
import type { PodVolumes, SortedClaims } from '../pod-volumes.ts';
import type { StorageView } from '../storage-view.ts';
import { VolumeBinder } from '../volume-binder.ts';
import type { VolumeBinderOptions } from '../volume-binder.ts';

interface Found {
  claims: SortedClaims;
  byNode: Map<string, PodVolumes>;
  /** Of the node that was chosen, while the pod waits for them. */
  assumed?: PodVolumes;
}

const FOUND = stateKey<Found>('volumes of claims');

const unresolvable = (reasons: readonly string[]): Rejection => ({ code: 'UnschedulableAndUnresolvable', reasons });

const UNBOUND = unresolvable(['pod has unbound immediate PersistentVolumeClaims']);

export function volumeBinding(
  storage: StorageView,
  options: Omit<VolumeBinderOptions, 'timeoutMs'>,
  { bindTimeoutSeconds = 600 }: VolumeBindingArgs = {},
): Plugin {
  const binder = new VolumeBinder(storage, { ...options, timeoutMs: bindTimeoutSeconds * 1000 });
  return {
    name: 'VolumeBinding',
    events: [
      'StorageClassAdd',
      'StorageClassUpdate',
      'PersistentVolumeClaimAdd',
      'PersistentVolumeClaimUpdate',
      'PersistentVolumeAdd',
      'PersistentVolumeUpdate',
      'NodeAdd',
      'NodeUpdateLabel',
    ],
    queueingHint({ pod }, event) {
      if (event.name === 'PersistentVolumeClaimAdd' || event.name === 'PersistentVolumeClaimUpdate')
        return usesClaim(pod, event.claim);
      if (event.name === 'StorageClassUpdate')
        return !deepEqual(event.storageClass.allowedTopologies, event.previous.allowedTopologies);
      return true;
    },
    preFilter({ pod, state }) {
      const problem = claimProblem(storage, pod);
      if (problem !== undefined) return { type: 'reject', rejection: unresolvable([problem]) };
      if (podClaims(pod).length === 0) return SKIP;
      const claims = sortClaims(storage, pod);
      if (claims.immediate.length > 0) return { type: 'reject', rejection: UNBOUND };
      state.write(FOUND, { claims, byNode: new Map() });
      return CONTINUE;
    },
    filter({ state }, { name, node }) {
      const { claims, byNode } = state.get(FOUND);
      const found = findPodVolumes(storage, claims, node);
      if ('reasons' in found) return unresolvable(found.reasons);
      if (claims.waiting.length > 0) byNode.set(name, found.volumes);
      return undefined;
    },
    reserve: ({ state }, nodeName) => reserve(storage, state.read(FOUND), nodeName),
    unreserve({ state }) {
      const assumed = state.read(FOUND)?.assumed;
      if (assumed !== undefined) restore(storage, assumed);
    },
    preBindWaits: ({ state }) => isWaiting(state),
    async preBind({ pod, state }, nodeName) {
      const assumed = state.read(FOUND)?.assumed;
      if (assumed === undefined) return undefined;
      try {
        await binder.bind(pod, assumed, nodeName);
        return undefined;
      } catch (error) {
        const reason = `running PreBind plugin "VolumeBinding": binding volumes: ${(error as Error).message}`;
        return { code: 'Error', reasons: [reason] };
      }
    },
  };
}

function reserve(storage: StorageView, found: Found | undefined, nodeName: string): Rejection | undefined {
  const volumes = found?.byNode.get(nodeName);
  if (found === undefined || volumes === undefined || areAllBound(storage, found.claims)) return undefined;
  try {
    found.assumed = assume(storage, volumes, nodeName);
    return undefined;
  } catch (error) {
    return { code: 'Error', reasons: [(error as Error).message] };
  }
}

const isWaiting = (state: CycleState): boolean => state.read(FOUND)?.assumed !== undefined;

/** Since the filters ran they may have been bound by somebody else. */
function areAllBound(storage: StorageView, { waiting }: SortedClaims): boolean {
  return waiting.every((claim) => {
    const now = storage.claims.get(keyOf(claim));
    return now !== undefined && isFullyBound(now);
  });
}

/** The next pods see volumes and claims as they are about to be. Throws, and has assumed nothing, if it cannot. */
function assume(storage: StorageView, { bindings, provisions }: PodVolumes, nodeName: string): PodVolumes {
  const assumed: PodVolumes = { bindings: [], provisions: [] };
  try {
    for (const { volume, claim } of bindings) {
      const bound = bindVolumeToClaim(volume, claim);
      storage.volumes.assume(bound);
      assumed.bindings.push({ volume: bound, claim });
    }
    for (const claim of provisions) {
      const placed = withAnnotations(claim, { [SELECTED_NODE]: nodeName });
      storage.claims.assume(placed);
      assumed.provisions.push(placed);
    }
    return assumed;
  } catch (error) {
    restore(storage, assumed);
    throw error;
  }
}

function restore(storage: StorageView, { bindings, provisions }: PodVolumes): void {
  for (const { volume } of bindings) storage.volumes.restore(volume.metadata.name ?? '');
  for (const claim of provisions) storage.claims.restore(keyOf(claim));
}
