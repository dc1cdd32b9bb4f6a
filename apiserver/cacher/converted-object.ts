/** A stored object in a version that somebody outside converts it to: what it holds is there once it has been settled. */
import type { ApiError } from '../../api/machinery/errors.ts';
import { internalServerError } from '../../api/machinery/errors.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { cloneJson } from '../../api/patch/json-value.ts';
import { deepFreeze } from '../../base/freeze.ts';
import { CachedObject } from './cached-object.ts';
import { formatResourceVersion } from './codec.ts';

/** The view that an object is shown in. */
export interface ObjectVersion {
  apiVersion: string;
  /** Prunes and defaults an object of that version, a private copy. */
  read(object: ApiObject): ApiObject;
}

/** A conversion under way, and whom it concerns. */
export interface ConversionBatch {
  objects: readonly ConvertedObject[];
  done: Promise<void>;
}

export class ConvertedObject extends CachedObject {
  readonly stored: CachedObject;
  /** What it is waiting for. */
  batch: ConversionBatch | undefined;
  readonly #version: ObjectVersion;
  #object: ApiObject | undefined;
  #isAsStored = false;

  constructor(stored: CachedObject, version: ObjectVersion) {
    super(stored.key, stored.value, stored.revision);
    this.stored = stored;
    this.#version = version;
  }

  /** False when it has to be converted before it is looked into. What is damaged never is. */
  get isReady(): boolean {
    return this.#object !== undefined || this.damage !== undefined || this.#hasVersion;
  }

  /** Takes over the object in this version. */
  settle(converted: ApiObject): void {
    this.#object = deepFreeze(this.#version.read(converted));
  }

  override get damage(): ApiError | undefined {
    return this.stored.damage;
  }

  /** Throws when it is not ready. */
  override object(): ApiObject {
    if (this.#object === undefined) {
      if (!this.#hasVersion) throw internalServerError(`${this.key} has not been converted`);
      const stored = this.stored.decode();
      const read = this.#version.read(stored);
      this.#isAsStored = read === stored;
      this.#object = deepFreeze(read);
    }
    return this.#object;
  }

  override at(revision: number): CachedObject {
    const moved = new ConvertedObject(this.stored.at(revision), this.#version);
    if (this.#object !== undefined && !this.#hasVersion) {
      const { metadata } = this.#object;
      const resourceVersion = formatResourceVersion(revision);
      moved.#object = deepFreeze({ ...this.#object, metadata: { ...metadata, resourceVersion } });
    }
    return moved;
  }

  override bytes(): Uint8Array {
    const object = this.object();
    return this.#isAsStored ? this.stored.bytes() : Buffer.from(JSON.stringify(object));
  }

  override decode(): ApiObject {
    return cloneJson(this.object());
  }

  get #hasVersion(): boolean {
    return this.stored.object().apiVersion === this.#version.apiVersion;
  }
}
