/** Counts in the status of workloads (`ValidateDeploymentStatus`, `ValidateReplicaSetStatus`, `…DaemonSetStatus`). */
import { invalid } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { validateNonNegative } from '../../../machinery/validation.ts';

type Counts = Readonly<Record<string, number | undefined>>;

export interface ReplicaBounds {
  /** Counts that are at most `replicas`. */
  within: readonly string[];
  /** What the message calls the ready ones, which available ones must not exceed. Default: `readyReplicas`. */
  readyName?: string;
}

/** No count is negative, and none above its bound. */
export function validateReplicaCounts(counts: Counts, bounds: ReplicaBounds, path: FieldPath): FieldError[] {
  const errors = Object.entries(counts).flatMap(([name, count]) => validateNonNegative(count, path.child(name)));
  const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = counts;
  for (const name of bounds.within) {
    const count = counts[name] ?? 0;
    if (count > replicas) errors.push(invalid(path.child(name), count, 'cannot be greater than status.replicas'));
  }
  if (availableReplicas > readyReplicas) {
    const readyName = bounds.readyName ?? 'readyReplicas';
    errors.push(invalid(path.child('availableReplicas'), availableReplicas, `cannot be greater than ${readyName}`));
  }
  return errors;
}

/** Hash collisions are counted up only (`IsDecremented`). */
export function validateCollisionCount(
  next: number | undefined,
  previous: number | undefined,
  path: FieldPath,
): FieldError[] {
  if (previous === undefined || (next !== undefined && next >= previous)) return [];
  return [invalid(path.child('collisionCount'), next ?? 0, 'cannot be decremented')];
}
