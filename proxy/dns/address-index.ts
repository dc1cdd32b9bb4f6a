/**
 * Which Services have an address, as their own or as an endpoint's: where questions for the name of an address start.
 * Kept as objects come and go, since a change of one must not cost a walk over all of them.
 */
export class AddressIndex {
  /** A Service is listed once for each object that gives it the address. */
  readonly #serviceKeys = new Map<string, string[]>();

  add(serviceKey: string, ips: Iterable<string>): void {
    for (const ip of ips) {
      const keys = this.#serviceKeys.get(ip);
      if (keys === undefined) this.#serviceKeys.set(ip, [serviceKey]);
      else keys.push(serviceKey);
    }
  }

  /** Takes back what `add` was given. */
  remove(serviceKey: string, ips: Iterable<string>): void {
    for (const ip of ips) {
      const keys = this.#serviceKeys.get(ip) ?? [];
      const index = keys.indexOf(serviceKey);
      if (index !== -1) keys.splice(index, 1);
      if (keys.length === 0) this.#serviceKeys.delete(ip);
    }
  }

  serviceKeysOf(ip: string): ReadonlySet<string> {
    return new Set(this.#serviceKeys.get(ip));
  }
}
