/** One object at one revision: its stored bytes, and lazily its decoded, frozen form and its served bytes. */
import type { EncodedObject } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { ApiError } from '../../api/machinery/errors.ts';
import { internalServerError } from '../../api/machinery/errors.ts';
import { deepFreeze } from '../../base/freeze.ts';
import { decodeFromStorage, formatResourceVersion, spliceResourceVersion } from './codec.ts';
import { takeWritten } from './written-objects.ts';

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

  /** Why the object cannot be read; its other methods throw it. */
  get damage(): ApiError | undefined {
    return undefined;
  }

  object(): ApiObject {
    return (this.#object ??= this.#written() ?? deepFreeze(this.decode()));
  }

  #written(): ApiObject | undefined {
    return takeWritten(this.value, formatResourceVersion(this.revision));
  }

  /** The same state, served with another revision: that of the write that took it away. */
  at(revision: number): CachedObject {
    return new CachedObject(this.key, this.value, revision);
  }

  /** Frees the decoded form, which is made anew when it is asked for. */
  forget(): void {
    this.#object = undefined;
  }

  bytes(): Uint8Array {
    return spliceResourceVersion(this.value, this.revision);
  }

  /** A copy that the caller may change. */
  decode(): ApiObject {
    return decodeFromStorage(this.value, this.revision);
  }
}

/** An object whose stored bytes are damaged: it has its place, so that it is missed by nobody, and can be deleted. */
export class DamagedObject extends CachedObject {
  readonly #damage: ApiError;

  /** `cause` names the key and the revision. */
  constructor(key: string, revision: number, cause: string) {
    super(key, new Uint8Array(0), revision);
    this.#damage = internalServerError(`${cause}; the object has to be deleted`);
  }

  override get damage(): ApiError {
    return this.#damage;
  }

  override object(): ApiObject {
    throw this.#damage;
  }

  override bytes(): Uint8Array {
    throw this.#damage;
  }

  override decode(): ApiObject {
    throw this.#damage;
  }
}
