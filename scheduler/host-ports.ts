/** Host ports in use on a node, by address: `0.0.0.0` is in the way of every address. */
import { ANY_ADDRESS } from '../api/core/v1/pod/host-ports.ts';
import type { HostPort } from '../api/core/v1/pod/host-ports.ts';

export { hostPortsOf } from '../api/core/v1/pod/host-ports.ts';
export type { HostPort } from '../api/core/v1/pod/host-ports.ts';

/** Counted, so that pods which share a port by mistake free it one by one. */
export class UsedPorts {
  /** Users by address, by `protocol/port`. */
  readonly #users = new Map<string, Map<string, number>>();

  add({ ip, protocol, port }: HostPort): void {
    const key = `${protocol}/${port}`;
    let byAddress = this.#users.get(key);
    if (byAddress === undefined) this.#users.set(key, (byAddress = new Map()));
    byAddress.set(ip, (byAddress.get(ip) ?? 0) + 1);
  }

  remove({ ip, protocol, port }: HostPort): void {
    const key = `${protocol}/${port}`;
    const byAddress = this.#users.get(key);
    const users = byAddress?.get(ip);
    if (byAddress === undefined || users === undefined) return;
    if (users > 1) byAddress.set(ip, users - 1);
    else byAddress.delete(ip);
    if (byAddress.size === 0) this.#users.delete(key);
  }

  conflictsWith({ ip, protocol, port }: HostPort): boolean {
    const byAddress = this.#users.get(`${protocol}/${port}`);
    if (byAddress === undefined) return false;
    return ip === ANY_ADDRESS || byAddress.has(ANY_ADDRESS) || byAddress.has(ip);
  }

  clone(): UsedPorts {
    const copy = new UsedPorts();
    for (const [key, byAddress] of this.#users) copy.#users.set(key, new Map(byAddress));
    return copy;
  }

  /** `protocol/port@address=users`, sorted. */
  list(): string[] {
    const lines = [...this.#users].flatMap(([key, byAddress]) =>
      [...byAddress].map(([ip, users]) => `${key}@${ip}=${users}`),
    );
    return lines.sort();
  }
}
