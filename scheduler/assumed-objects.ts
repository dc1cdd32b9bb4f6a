/**
 * Objects as the informer has them, and, over these, as the scheduler is about to change them
 * (`pkg/scheduler/util/assumecache`).
 */
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Informer } from '../client/informer.ts';
import { keyOf } from '../client/keys.ts';

export class AssumedObjects<T extends ApiObject> {
  readonly informer: Informer<T>;
  readonly #assumed = new Map<string, T>();

  constructor(informer: Informer<T>) {
    this.informer = informer;
  }

  /** As assumed, until the API shows another version than the one that the assumption was made from. */
  get(key: string): T | undefined {
    const known = this.informer.getByKey(key);
    const assumed = this.#assumed.get(key);
    if (assumed === undefined) return known;
    if (known?.metadata.resourceVersion === assumed.metadata.resourceVersion) return assumed;
    this.#assumed.delete(key);
    return known;
  }

  /** As the index has them, each as assumed. */
  byIndex(name: string, value: string): T[] {
    return this.informer.byIndex(name, value).map((object) => this.get(keyOf(object)) ?? object);
  }

  /** `object` is the present one, changed. Throws when that has changed meanwhile. */
  assume(object: T): void {
    const key = keyOf(object);
    if (this.informer.getByKey(key)?.metadata.resourceVersion !== object.metadata.resourceVersion) {
      throw new Error(`${this.informer.resource.names.kind} ${JSON.stringify(key)} is out of sync`);
    }
    this.#assumed.set(key, object);
  }

  restore(key: string): void {
    this.#assumed.delete(key);
  }
}
