/** Which taints a pod puts up with (`component-helpers/scheduling/corev1/helpers.go`). */
import type { Taint } from './node.ts';
import type { Toleration } from './pod.ts';

/** A toleration without an effect is for every effect, one without a key for every key. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = '', operator = '', value = '', effect = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  if (operator === 'Exists') return true;
  return (operator === '' || operator === 'Equal') && value === (taint.value ?? '');
}

export function toleratesAny(tolerations: readonly Toleration[] | undefined, taint: Taint): boolean {
  return tolerations?.some((toleration) => tolerates(toleration, taint)) ?? false;
}

/** Whether none of these taints keeps the pod away. */
export function toleratesAll(tolerations: readonly Toleration[] | undefined, taints: readonly Taint[]): boolean {
  return taints.every((taint) => toleratesAny(tolerations, taint));
}
