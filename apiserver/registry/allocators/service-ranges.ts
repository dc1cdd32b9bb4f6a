/**
 * The cluster's ranges of Service addresses and node ports, with upstream's bands and refusals
 * (`pkg/registry/core/service/ipallocator`, `pkg/registry/core/service/portallocator`).
 */
import type { Service } from '../../../api/core/v1/service.ts';
import { isHeadless, specOf } from '../../../api/core/v1/service/spec.ts';
import type { ServiceSpec } from '../../../api/core/v1/service/spec.ts';
import { formatIp, parseCidr, parseIp } from '../../../api/machinery/validation-ip.ts';
import type { Random } from '../../../base/random.ts';
import { OffsetAllocator } from './offset-allocator.ts';

/** `ipallocator.ErrAllocated` and its siblings. */
export const IP_TAKEN = 'provided IP is already allocated';
export const IP_OUTSIDE = 'the provided network does not match the current range';
export const PORT_TAKEN = 'provided port is already allocated';
export const RANGE_FULL = 'range is full';

/** Offsets of the addresses of `kubernetes.default` and of the cluster's DNS: 10.96.0.1 and 10.96.0.10. */
const RESERVED_IP_OFFSETS = [0, 9];

/** A range of values (addresses as text, or ports), counted from zero. */
export interface ValueRange<V> {
  allocator: OffsetAllocator;
  /** Undefined for what is no value of the range. */
  offsetOf(value: V): number | undefined;
  valueAt(offset: number): V;
}

/** Throws for a CIDR that is not IPv4 or has no room. */
export function serviceIpRange(cidr: string, random: Random): ValueRange<string> {
  const parsed = parseCidr(cidr);
  if (parsed === undefined || parsed.address.family !== 4 || parsed.prefixLength > 30) {
    throw new Error(`"${cidr}" cannot be the range of Service addresses`);
  }
  // Without the network's own address and the broadcast address.
  const size = 2 ** (32 - parsed.prefixLength) - 2;
  const network = numberOf(parsed.address.bytes);
  const first = network - (network % (size + 2)) + 1;
  const allocator = new OffsetAllocator({ size, staticSize: staticIps(size), reserved: RESERVED_IP_OFFSETS, random });
  return {
    allocator,
    offsetOf(ip) {
      const address = parseIp(ip);
      const offset = address?.family === 4 ? numberOf(address.bytes) - first : -1;
      return allocator.contains(offset) ? offset : undefined;
    },
    valueAt: (offset) => formatIp({ family: 4, bytes: bytesOf(first + offset) }),
  };
}

export interface PortRange {
  first: number;
  last: number;
}

export function nodePortRange({ first, last }: PortRange, random: Random): ValueRange<number> {
  const size = last - first + 1;
  const allocator = new OffsetAllocator({ size, staticSize: staticPorts(size), random });
  return {
    allocator,
    offsetOf: (port) => (allocator.contains(port - first) ? port - first : undefined),
    valueAt: (offset) => first + offset,
  };
}

/** `min(max(16, size/16), 256)`; none in tiny ranges. */
function staticIps(size: number): number {
  return size < 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 16)), 256);
}

/** `min(max(16, size/32), 128)`; none in tiny ranges. */
function staticPorts(size: number): number {
  return size < 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);
}

function numberOf(bytes: readonly number[]): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

function bytesOf(value: number): number[] {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256);
}

/** The addresses that a Service owns. */
export function ownedIps(service: Service | undefined): string[] {
  const spec = service === undefined ? {} : specOf(service);
  if (spec.type === 'ExternalName' || isHeadless(spec)) return [];
  const listed = spec.clusterIPs ?? [];
  return (listed.length > 0 ? listed : [spec.clusterIP ?? '']).filter((ip) => ip !== '' && ip !== 'None');
}

/** The node ports that a Service owns, each once. */
export function ownedNodePorts(service: Service | undefined): number[] {
  const spec = service === undefined ? {} : specOf(service);
  if (!hasNodePorts(spec)) return [];
  return [...new Set((spec.ports ?? []).map(({ nodePort }) => nodePort ?? 0))].filter((port) => port !== 0);
}

export function hasNodePorts({ type }: ServiceSpec): boolean {
  return type === 'NodePort' || type === 'LoadBalancer';
}
