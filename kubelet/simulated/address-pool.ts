/** Hands out the IPv4 addresses of a range, lowest first among those never used, then those given back. */
export class AddressPool {
  readonly #first: number;
  readonly #last: number;
  readonly #returned: number[] = [];
  #next: number;

  /** `cidr` is IPv4; its first two addresses (network, gateway) and its last (broadcast) are left out. */
  constructor(cidr: string) {
    const [address = '', bits = ''] = cidr.split('/');
    const size = 2 ** (32 - Number(bits));
    const octets = address.split('.').map(Number);
    const base = octets.reduce((sum, octet) => sum * 256 + octet, 0);
    if (octets.length !== 4 || !Number.isInteger(base) || !(size >= 4))
      throw new Error(`not a usable IPv4 range: ${cidr}`);
    const network = base - (base % size);
    this.#first = network + 2;
    this.#last = network + size - 2;
    this.#next = this.#first;
  }

  /** Undefined when all are in use. */
  take(): string | undefined {
    const value = this.#next <= this.#last ? this.#next++ : this.#returned.shift();
    return value === undefined ? undefined : format(value);
  }

  giveBack(address: string): void {
    this.#returned.push(address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0));
  }
}

function format(value: number): string {
  return [value / 2 ** 24, value / 2 ** 16, value / 2 ** 8, value].map((part) => Math.floor(part) % 256).join('.');
}
