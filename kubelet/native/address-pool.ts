/** The pod addresses of one node: each is used once; a freed one comes back last, so that peers have forgotten it. */
function toNumber(address: string): number {
  return address.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}

function toText(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

export class AddressPool {
  readonly #first: number;
  readonly #last: number;
  readonly prefixLength: number;
  /** The bridge's own address. */
  readonly gateway: string;
  readonly #used = new Set<number>();
  #next: number;

  /** `cidr` is the node's range, such as `10.244.0.0/24`. */
  constructor(cidr: string) {
    const [base = '', bits = '24'] = cidr.split('/');
    this.prefixLength = Number(bits);
    const start = toNumber(base);
    this.gateway = toText(start + 1);
    this.#first = start + 2;
    this.#last = start + 2 ** (32 - this.prefixLength) - 2;
    this.#next = this.#first;
  }

  /** Marks an address as used, for pods found at start. */
  claim(address: string): void {
    this.#used.add(toNumber(address));
  }

  /** Throws when all are used. */
  take(): string {
    const size = this.#last - this.#first + 1;
    for (let tried = 0; tried < size; tried++) {
      const candidate = this.#next;
      this.#next = candidate === this.#last ? this.#first : candidate + 1;
      if (this.#used.has(candidate)) continue;
      this.#used.add(candidate);
      return toText(candidate);
    }
    throw new Error('no IP addresses available in range set');
  }

  release(address: string): void {
    this.#used.delete(toNumber(address));
  }
}
