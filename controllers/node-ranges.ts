/**
 * The parts of a cluster's pod range that nodes have, by number (upstream `pkg/controller/nodeipam/ipam/cidrset`).
 * IPv4.
 */

/** `--node-cidr-mask-size-ipv4` */
const NODE_BITS = 24;
const NODE_SIZE = 2 ** (32 - NODE_BITS);

/** First and last address, as numbers. */
interface Bounds {
  first: number;
  last: number;
}

/** Undefined for what is no IPv4 range. */
function boundsOf(cidr: string): Bounds | undefined {
  const [, address = '', bits = ''] = /^(\d+(?:\.\d+){3})\/(\d{1,2})$/.exec(cidr) ?? [];
  const bytes = address.split('.').map(Number);
  if (bits === '' || Number(bits) > 32 || bytes.some((byte) => byte > 255)) return undefined;
  const size = 2 ** (32 - Number(bits));
  const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const first = Math.floor(value / size) * size;
  return { first, last: first + size - 1 };
}

/** Counts through the parts of one pod range, in order and from the beginning again. */
export class NodeRanges {
  readonly count: number;
  readonly #first: number;
  #next = 0;

  /** A range that is smaller than a node's has no part to give. */
  constructor(clusterCidr: string) {
    const { first, last } = boundsOf(clusterCidr) ?? { first: 0, last: -1 };
    this.#first = first;
    this.count = Math.floor((last - first + 1) / NODE_SIZE);
  }

  /** The number of the next part that is not taken; undefined when all are. */
  take(isTaken: (part: number) => boolean): number | undefined {
    for (let tried = 0; tried < this.count; tried++) {
      const part = (this.#next + tried) % this.count;
      if (isTaken(part)) continue;
      this.#next = (part + 1) % this.count;
      return part;
    }
    return undefined;
  }

  /** As a node says it: `10.244.1.0/24`. */
  rangeOf(part: number): string {
    const value = this.#first + part * NODE_SIZE;
    const bytes = [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256);
    return `${bytes.join('.')}/${NODE_BITS}`;
  }

  /** Every part that shares an address with the range: none where it lies outside, or is no IPv4 range. */
  partsOf(cidr: string): number[] {
    const bounds = boundsOf(cidr);
    if (bounds === undefined) return [];
    const from = Math.max(0, Math.floor((bounds.first - this.#first) / NODE_SIZE));
    const to = Math.min(this.count - 1, Math.floor((bounds.last - this.#first) / NODE_SIZE));
    return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
  }
}
