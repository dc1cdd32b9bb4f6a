/** One object at one revision: its stored bytes, and lazily its decoded, frozen form and its served bytes. */
import type { EncodedObject } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { deepFreeze } from '../../base/freeze.ts';
import { decodeFromStorage, spliceResourceVersion } from './codec.ts';

export class CachedObject implements EncodedObject {
  readonly key: string;
  /** As stored, without resourceVersion. */
  readonly value: Uint8Array;
  /** The revision that this state is served with: its modification, or for a deleted object its deletion. */
  readonly revision: number;
  #object: ApiObject | undefined;

  constructor(key: string, value: Uint8Array, revision: number) {
    this.key = key;
    this.value = value;
    this.revision = revision;
  }

  object(): ApiObject {
    this.#object ??= deepFreeze(decodeFromStorage(this.value, this.revision));
    return this.#object;
  }

  bytes(): Uint8Array {
    return spliceResourceVersion(this.value, this.revision);
  }

  /** A copy that the caller may change. */
  decode(): ApiObject {
    return decodeFromStorage(this.value, this.revision);
  }
}
