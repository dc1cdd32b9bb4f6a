/** What events of both API groups share: the object they are about, and how they are named. */
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Clock } from '../base/clock.ts';
import { realRandom } from '../base/random.ts';
import type { Random } from '../base/random.ts';

/** Names an object from an event (`core/v1 ObjectReference`). */
export interface ObjectReference {
  kind?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  apiVersion?: string;
  resourceVersion?: string;
  /** Part of the object: `spec.containers{web}`. */
  fieldPath?: string;
}

/** A reference to an object, or the reference itself when it is one already. */
export function referenceTo(object: ApiObject | ObjectReference): ObjectReference {
  if (!('metadata' in object)) return object;
  const { apiVersion, kind, metadata } = object;
  const { namespace, name, uid, resourceVersion } = metadata;
  return withoutEmpty({ kind, namespace, name, uid, apiVersion, resourceVersion });
}

function withoutEmpty(values: Record<string, string | undefined>): ObjectReference {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ''));
}

/** Events about cluster-scoped objects live in `default`. */
export function eventNamespace({ namespace }: ObjectReference): string {
  return namespace === undefined || namespace === '' ? 'default' : namespace;
}

const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Gives names: the object's name and the time in hexadecimal nanoseconds, never the same twice. */
export function createEventNamer(clock: Clock, random: Random = realRandom): (reference: ObjectReference) => string {
  let last = 0n;
  return ({ name = '' }) => {
    // The clock knows milliseconds; what is below keeps recorders apart that tell of one object in the same one.
    const nowNanoseconds = BigInt(Math.floor(clock.now())) * 1_000_000n + BigInt(Math.floor(random.float() * 1e6));
    last = nowNanoseconds > last ? nowNanoseconds : last + 1n;
    const full = `${name}.${last.toString(16)}`;
    // An object may be named more freely, or longer, than an event (client-go `tools/internal/events`).
    return full.length <= 253 && DNS_SUBDOMAIN.test(full) ? full : random.uuid();
  };
}

/** The API refuses longer messages (1024 bytes). */
export function truncateMessage(message: string): string {
  const maxBytes = 1024;
  const bytes = Buffer.from(message, 'utf8');
  if (bytes.byteLength <= maxBytes) return message;
  let end = maxBytes;
  // A character is not cut: bytes 10xxxxxx continue one.
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end).toString('utf8');
}
