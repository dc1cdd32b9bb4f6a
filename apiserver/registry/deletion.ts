/**
 * What a DELETE means for an object, as pure decisions (apiserver `registry/rest/delete.go` BeforeDelete and
 * `registry/generic/registry/store.go` Delete, deletionFinalizersForGarbageCollection).
 */
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { DeleteOptions, Strategy } from '../../api/machinery/resource.ts';
import { formatTime } from '../../base/clock.ts';

export const ORPHAN_FINALIZER = 'orphan';
export const FOREGROUND_FINALIZER = 'foregroundDeletion';

export type DeletionDecision =
  /** Remove the object from storage. */
  | { type: 'remove' }
  /** Store `object`, which now carries its deletion marks, and answer with it. */
  | { type: 'mark'; object: ApiObject }
  /** A deletion is under way already; answer with the object as it is. */
  | { type: 'pending' };

/** Decides for `object`, a private copy that may be changed. */
export function decideDeletion(
  object: ApiObject,
  strategy: Strategy<ApiObject>,
  options: DeleteOptions & { nowMs: number },
): DeletionDecision {
  if (object.metadata.deletionTimestamp === undefined) strategy.beginDeletion?.(object, options.nowMs);
  const grace = graceOf(object, strategy, options);
  const finalizers = finalizersFor(object, strategy, options);
  const changed = changesFinalizers(object, finalizers);
  if (grace.type === 'pending' && !changed) return { type: 'pending' };
  if (finalizers.length > 0) object.metadata.finalizers = finalizers;
  else delete object.metadata.finalizers;
  const held = finalizers.length > 0 || strategy.hasPendingFinalizers?.(object) === true;
  if (grace.type === 'graceful') {
    markDeleting(object, options.nowMs, grace.seconds);
    return held || grace.seconds > 0 ? { type: 'mark', object } : { type: 'remove' };
  }
  if (grace.type === 'pending') return { type: 'mark', object };
  if (!held) return { type: 'remove' };
  // A write that changes nothing would wake whoever asks again at every event, the node's kubelet for one, for ever.
  if (object.metadata.deletionTimestamp !== undefined && !changed) return { type: 'pending' };
  markHeld(object, strategy, options.nowMs);
  return { type: 'mark', object };
}

/** Namespaces and definitions of kinds are marked by their own storage upstream, with the time alone. */
function markHeld(
  object: ApiObject,
  { hasPendingFinalizers, beginDeletion }: Strategy<ApiObject>,
  nowMs: number,
): void {
  markDeleting(object, nowMs, 0);
  if (hasPendingFinalizers !== undefined || beginDeletion !== undefined)
    delete object.metadata.deletionGracePeriodSeconds;
}

type Grace = { type: 'none' } | { type: 'pending' } | { type: 'graceful'; seconds: number };

function graceOf(object: ApiObject, strategy: Strategy<ApiObject>, options: DeleteOptions): Grace {
  const { deletionTimestamp, deletionGracePeriodSeconds } = object.metadata;
  if (deletionTimestamp !== undefined) {
    if (deletionGracePeriodSeconds === undefined || deletionGracePeriodSeconds === 0) return { type: 'none' };
    const requested = options.gracePeriodSeconds;
    // Only a shorter period may follow.
    if (requested === undefined || requested >= deletionGracePeriodSeconds) return { type: 'pending' };
    return { type: 'graceful', seconds: Math.max(0, requested) };
  }
  const seconds = strategy.gracefulDeletion?.(object, options);
  return seconds === undefined ? { type: 'none' } : { type: 'graceful', seconds };
}

/** Sets the marks, or moves an earlier timestamp by the difference in grace. */
function markDeleting(object: ApiObject, nowMs: number, graceSeconds: number): void {
  const { metadata } = object;
  if (metadata.deletionTimestamp === undefined) {
    metadata.deletionTimestamp = formatTime(nowMs + graceSeconds * 1000);
    metadata.deletionGracePeriodSeconds = graceSeconds;
    if (metadata.generation !== undefined && metadata.generation > 0) metadata.generation += 1;
    return;
  }
  const previousGrace = metadata.deletionGracePeriodSeconds ?? 0;
  if (graceSeconds >= previousGrace) return;
  const requestedAtMs = Date.parse(metadata.deletionTimestamp) - previousGrace * 1000;
  metadata.deletionTimestamp = formatTime(requestedAtMs + graceSeconds * 1000);
  metadata.deletionGracePeriodSeconds = graceSeconds;
}

function finalizersFor(object: ApiObject, strategy: Strategy<ApiObject>, options: DeleteOptions): string[] {
  const current = object.metadata.finalizers ?? [];
  const isFirst = object.metadata.deletionTimestamp === undefined;
  const byDefault = isFirst && strategy.orphansDependents !== undefined ? ORPHAN_FINALIZER : undefined;
  const wanted = wantedFinalizer(current, options) ?? (asksNothing(options) ? byDefault : undefined);
  const others = current.filter((finalizer) => finalizer !== ORPHAN_FINALIZER && finalizer !== FOREGROUND_FINALIZER);
  return wanted === undefined ? others : [...others, wanted];
}

/** The request leaves to the kind what becomes of the dependents. */
export function asksNothing({ orphanDependents, propagationPolicy }: DeleteOptions): boolean {
  return orphanDependents === undefined && propagationPolicy === undefined;
}

/** The request decides; without a word in it, the finalizer that the object has. */
function wantedFinalizer(current: readonly string[], options: DeleteOptions): string | undefined {
  if (options.orphanDependents !== undefined) return options.orphanDependents ? ORPHAN_FINALIZER : undefined;
  switch (options.propagationPolicy) {
    case 'Orphan':
      return ORPHAN_FINALIZER;
    case 'Foreground':
      return FOREGROUND_FINALIZER;
    case 'Background':
      return undefined;
    default:
      return current.find((finalizer) => finalizer === ORPHAN_FINALIZER || finalizer === FOREGROUND_FINALIZER);
  }
}

function changesFinalizers(object: ApiObject, next: readonly string[]): boolean {
  const current = object.metadata.finalizers ?? [];
  return next.length !== current.length || next.some((finalizer) => !current.includes(finalizer));
}

/** An update that took away the last finalizer of an object whose deletion has been asked for removes it. */
export function isFullyFinalized(object: ApiObject, strategy: Strategy<ApiObject>): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  if (deletionTimestamp === undefined || (finalizers?.length ?? 0) > 0) return false;
  if (strategy.hasPendingFinalizers?.(object) === true) return false;
  return deletionGracePeriodSeconds === undefined || deletionGracePeriodSeconds === 0;
}
