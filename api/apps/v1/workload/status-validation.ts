/** Replica counts in the status of workloads (`ValidateDeploymentStatus`, `ValidateReplicaSetStatus`). */
import { invalid } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { validateNonNegative } from '../../../machinery/validation.ts';

type Counts = Readonly<Record<string, number | undefined>>;

/** No count is negative; those of `withinReplicas` are at most `replicas`, available ones at most the ready ones. */
export function validateReplicaCounts(
  counts: Counts,
  withinReplicas: readonly string[],
  path: FieldPath,
): FieldError[] {
  const errors = Object.entries(counts).flatMap(([name, count]) => validateNonNegative(count, path.child(name)));
  const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = counts;
  for (const name of withinReplicas) {
    const count = counts[name] ?? 0;
    if (count > replicas) errors.push(invalid(path.child(name), count, 'cannot be greater than status.replicas'));
  }
  if (availableReplicas > readyReplicas) {
    errors.push(invalid(path.child('availableReplicas'), availableReplicas, 'cannot be greater than readyReplicas'));
  }
  return errors;
}
