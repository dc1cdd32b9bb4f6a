/** An object with and without a finalizer; the same object when nothing is to change. */
import type { ApiObject } from '../api/machinery/meta.ts';

export function withFinalizer<T extends ApiObject>(object: T, finalizer: string): T {
  const finalizers = object.metadata.finalizers ?? [];
  if (finalizers.includes(finalizer)) return object;
  return { ...object, metadata: { ...object.metadata, finalizers: [...finalizers, finalizer] } };
}

export function withoutFinalizer<T extends ApiObject>(object: T, finalizer: string): T {
  const finalizers = object.metadata.finalizers ?? [];
  if (!finalizers.includes(finalizer)) return object;
  const others = finalizers.filter((one) => one !== finalizer);
  return { ...object, metadata: { ...object.metadata, finalizers: others } };
}
