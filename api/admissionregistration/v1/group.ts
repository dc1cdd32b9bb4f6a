/** What the kinds of admissionregistration.k8s.io share. */

export const ADMISSION_GROUP = 'admissionregistration.k8s.io';

/** `kubectl get api-extensions` lists them all. */
export const API_EXTENSIONS = ['api-extensions'];

/** Fields that are absent, null or of another type than a list count as empty lists. */
export function listOf<T>(list: readonly T[] | null | undefined): readonly T[] {
  return Array.isArray(list) ? list : [];
}
