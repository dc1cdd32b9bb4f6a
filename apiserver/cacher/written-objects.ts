/**
 * Objects that are being stored, by the bytes that were made of them: whoever asks for the object behind those bytes
 * takes it over, instead of decoding what was encoded a moment before.
 */
import type { ApiObject } from '../../api/machinery/meta.ts';
import { freezeJson } from './freeze-json.ts';
import { shareFieldSets } from './shared-field-sets.ts';

/** Most are asked for as soon as they are stored; those of kinds that nobody looks into are pushed out by later ones. */
const MAX_KEPT = 256;
/** Bounds what is kept; larger objects are decoded. */
const MAX_BYTES = 32_768;

const kept = new Map<Uint8Array, ApiObject>();

/** `value` was made of `object`, which its writer leaves alone once `value` is stored. */
export function keepWritten(value: Uint8Array, object: ApiObject): void {
  if (value.length > MAX_BYTES) return;
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value!);
  kept.set(value, object);
}

/**
 * The object that `value` was made of, frozen and equal to what `value` decodes to; once. Undefined when it is not known
 * or holds what JSON does not.
 */
export function takeWritten(value: Uint8Array, resourceVersion: string): ApiObject | undefined {
  const object = kept.get(value);
  if (object === undefined) return undefined;
  kept.delete(value);
  if (Object.isFrozen(object) || Object.isFrozen(object.metadata)) return undefined;
  shareFieldSets(object);
  object.metadata.resourceVersion = resourceVersion;
  return freezeJson(object) ? object : undefined;
}
