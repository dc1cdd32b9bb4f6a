/**
 * Gives Services their addresses and node ports as they are written
 * (upstream: `pkg/registry/core/service/storage/alloc.go`).
 *
 * Guarantees: no two stored Services own the same address or node port; what a failed write had taken is free again;
 * what a Service gives up is free once it is stored without it. Assumes to be the only allocator of the ranges.
 */
import type { Service } from '../../../api/core/v1/service.ts';
import {
  isHeadless,
  needsClusterIp,
  needsHealthCheckNodePort,
  needsNodePorts,
} from '../../../api/core/v1/service/spec.ts';
import type { ServicePort, ServiceSpec } from '../../../api/core/v1/service/spec.ts';
import { internalServerError, invalidObject } from '../../../api/machinery/errors.ts';
import { fieldPath, invalid } from '../../../api/machinery/field-error.ts';
import type { FieldError } from '../../../api/machinery/field-error.ts';
import type { Lister } from '../../../api/machinery/handler.ts';
import type { ApiObject } from '../../../api/machinery/meta.ts';
import type { Random } from '../../../base/random.ts';
import type { WriteHook } from '../store.ts';
import { setIpFamilies } from './ip-families.ts';
import { OwnedRange } from './owned-range.ts';
import type { Owner, Undo } from './owned-range.ts';
import * as ranges from './service-ranges.ts';
import type { PortRange, ValueRange } from './service-ranges.ts';

export interface ServiceAllocationOptions {
  /** Services as they are stored; read at the first write, when it must have been loaded. */
  lister: Lister<Service>;
  /** IPv4. */
  serviceCidr: string;
  /** Default 30000 to 32767. */
  nodePortRange?: PortRange;
  random: Random;
}

const DEFAULT_NODE_PORTS: PortRange = { first: 30000, last: 32767 };

/** To be added to the Store for the kind Service. Throws `ApiError` (422) when a value that was asked for is taken. */
export function serviceAllocationHook(options: ServiceAllocationOptions): WriteHook {
  const allocation = new ServiceAllocation(options);
  return {
    beforeCreate: (object) => allocation.allocate(object as Service, undefined),
    beforeUpdate: (next, previous) => allocation.allocate(next as Service, previous as Service),
    afterDelete: (object: ApiObject) => allocation.release(object as Service),
  };
}

export class ServiceAllocation {
  readonly #lister: Lister<Service>;
  readonly #portRange: PortRange;
  readonly #ips: ValueRange<string>;
  readonly #ports: ValueRange<number>;
  readonly #ownedIps: OwnedRange;
  readonly #ownedPorts: OwnedRange;
  #isLoaded = false;

  constructor({ lister, serviceCidr, nodePortRange = DEFAULT_NODE_PORTS, random }: ServiceAllocationOptions) {
    this.#lister = lister;
    this.#portRange = nodePortRange;
    this.#ips = ranges.serviceIpRange(serviceCidr, random);
    this.#ports = ranges.nodePortRange(nodePortRange, random);
    this.#ownedIps = new OwnedRange({
      allocator: this.#ips.allocator,
      isUsedBy: (owner, offset) => this.#ipOffsets(this.#stored(owner)).includes(offset),
    });
    this.#ownedPorts = new OwnedRange({
      allocator: this.#ports.allocator,
      isUsedBy: (owner, offset) => this.#portOffsets(this.#stored(owner)).includes(offset),
    });
  }

  allocate(next: Service, previous: Service | undefined): Undo {
    this.#load();
    const problems = setIpFamilies(next, previous);
    if (problems.length > 0) throw invalidService(next, problems);

    const write: Write = { owner: ownerOf(next), undos: [] };
    const undo = (): void => write.undos.splice(0).forEach((step) => step());
    try {
      this.#allocateIps(next, previous, write);
      this.#allocatePorts(next, previous, write);
    } catch (error) {
      undo();
      throw error;
    }
    this.#giveUp(next, previous);
    return undo;
  }

  release(service: Service): void {
    this.#load();
    const owner = ownerOf(service);
    for (const offset of this.#ipOffsets(service)) this.#ownedIps.release(offset, owner);
    for (const offset of this.#portOffsets(service)) this.#ownedPorts.release(offset, owner);
  }

  /** `ip/10.96.0.12` and `port/30080`: what the Service owns of the ranges. */
  valuesOf(service: Service | undefined): string[] {
    return [
      ...this.#ipOffsets(service).map((offset) => `ip/${this.#ips.valueAt(offset)}`),
      ...this.#portOffsets(service).map((offset) => `port/${this.#ports.valueAt(offset)}`),
    ];
  }

  /** What is known from elsewhere: who has the value now, if anybody. */
  note(value: string, owner: Owner | undefined): void {
    this.#load();
    const [kind, text = ''] = value.split('/');
    const offset = kind === 'ip' ? this.#ips.offsetOf(text) : this.#ports.offsetOf(Number(text));
    if (offset !== undefined) (kind === 'ip' ? this.#ownedIps : this.#ownedPorts).note(offset, owner);
  }

  takenValues(): string[] {
    return [
      ...this.#ownedIps.offsets().map((offset) => `ip/${this.#ips.valueAt(offset)}`),
      ...this.#ownedPorts.offsets().map((offset) => `port/${this.#ports.valueAt(offset)}`),
    ];
  }

  #load(): void {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    for (const service of this.#lister.list()) {
      const owner = ownerOf(service);
      for (const offset of this.#ipOffsets(service)) this.#ownedIps.take(offset, owner);
      for (const offset of this.#portOffsets(service)) this.#ownedPorts.take(offset, owner);
    }
  }

  #stored({ namespace, name, uid }: Owner): Service | undefined {
    const service = this.#lister.get(namespace, name);
    return service?.metadata.uid === uid ? service : undefined;
  }

  #ipOffsets(service: Service | undefined): number[] {
    return ranges.ownedIps(service).flatMap((ip) => this.#ips.offsetOf(ip) ?? []);
  }

  #portOffsets(service: Service | undefined): number[] {
    return ownedPorts(service).flatMap((port) => this.#ports.offsetOf(port) ?? []);
  }

  #allocateIps(next: Service, previous: Service | undefined, write: Write): void {
    const spec = next.spec!;
    if (!needsClusterIp(spec) || isHeadless(spec)) return;
    const wanted = ranges.ownedIps(next);
    if (wanted.length === 0) {
      const taken = this.#ownedIps.takeNext(write.owner);
      if (taken === undefined) throw internalServerError(`failed to allocate a serviceIP: ${ranges.RANGE_FULL}`);
      write.undos.push(taken.undo);
      spec.clusterIP = this.#ips.valueAt(taken.offset);
      spec.clusterIPs = [spec.clusterIP];
      return;
    }
    const known = new Set(ranges.ownedIps(previous));
    for (const ip of wanted) {
      if (known.has(ip)) continue;
      const undo = this.#takeIp(ip, write.owner);
      if (typeof undo === 'string') {
        const detail = `failed to allocate IP ${ip}: ${undo}`;
        throw invalidService(next, [invalid(fieldPath('spec', 'clusterIPs'), spec.clusterIPs, detail)]);
      }
      write.undos.push(undo);
    }
  }

  #takeIp(ip: string, owner: Owner): Undo | string {
    const offset = this.#ips.offsetOf(ip);
    return offset === undefined ? ranges.IP_OUTSIDE : (this.#ownedIps.take(offset, owner) ?? ranges.IP_TAKEN);
  }

  #allocatePorts(next: Service, previous: Service | undefined, write: Write): void {
    const spec = next.spec!;
    if (ranges.hasNodePorts(spec)) {
      if (previous === undefined) shareNodePorts(spec.ports ?? [], this.#portTaker(next, write));
      else this.#updateNodePorts(next, previous, write);
    }
    const had = previous?.spec !== undefined && needsHealthCheckNodePort(previous.spec);
    if (needsHealthCheckNodePort(spec) && !had) this.#allocateHealthCheckPort(spec, write);
  }

  /** The ports of one write, by `initNodePorts` or `updateNodePorts`. */
  #portTaker(service: Service, write: Write): PortTaker {
    return {
      mayChoose: needsNodePorts(service.spec!),
      choose: () => this.#takeNextPort(write, 'failed to allocate a nodePort'),
      take: (port, index) => {
        const problem = this.#takePort(port, write);
        if (problem === undefined) return;
        const path = fieldPath('spec', 'ports').index(index).child('nodePort');
        throw invalidService(service, [invalid(path, port, problem)]);
      },
    };
  }

  #updateNodePorts(next: Service, previous: Service, write: Write): void {
    const taker = this.#portTaker(next, write);
    const known = new Set(ranges.ownedNodePorts(previous));
    next.spec!.ports?.forEach((port, i) => {
      if (port.nodePort) {
        if (!known.has(port.nodePort)) taker.take(port.nodePort, i);
        known.add(port.nodePort);
      } else if (taker.mayChoose) {
        port.nodePort = taker.choose();
      }
    });
  }

  #allocateHealthCheckPort(spec: ServiceSpec, write: Write): void {
    const port = spec.healthCheckNodePort;
    if (!port) {
      spec.healthCheckNodePort = this.#takeNextPort(write, 'failed to allocate a HealthCheck NodePort 0');
      return;
    }
    const problem = this.#takePort(port, write);
    if (problem === undefined) return;
    throw internalServerError(`failed to allocate requested HealthCheck NodePort ${port}: ${problem}`);
  }

  /** What is wrong with it, if anything. */
  #takePort(port: number, write: Write): string | undefined {
    const offset = this.#ports.offsetOf(port);
    if (offset === undefined) {
      const { first, last } = this.#portRange;
      return `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
    }
    const undo = this.#ownedPorts.take(offset, write.owner);
    if (undo === undefined) return ranges.PORT_TAKEN;
    write.undos.push(undo);
    return undefined;
  }

  #takeNextPort(write: Write, failure: string): number {
    const taken = this.#ownedPorts.takeNext(write.owner);
    if (taken === undefined) throw internalServerError(`${failure}: ${ranges.RANGE_FULL}`);
    write.undos.push(taken.undo);
    return this.#ports.valueAt(taken.offset);
  }

  #giveUp(next: Service, previous: Service | undefined): void {
    const owner = ownerOf(next);
    const ips = new Set(this.#ipOffsets(next));
    const ports = new Set(this.#portOffsets(next));
    for (const offset of this.#ipOffsets(previous)) if (!ips.has(offset)) this.#ownedIps.giveUp(offset, owner);
    for (const offset of this.#portOffsets(previous)) if (!ports.has(offset)) this.#ownedPorts.giveUp(offset, owner);
  }
}

/** One write under way. */
interface Write {
  owner: Owner;
  undos: Undo[];
}

interface PortTaker {
  /** Ports are given to those that name none. */
  mayChoose: boolean;
  choose(): number;
  /** Throws when it cannot be had. */
  take(port: number, index: number): void;
}

/** One port number under several protocols gets one node port (`initNodePorts`). */
function shareNodePorts(ports: readonly ServicePort[], taker: PortTaker): void {
  const byPort = new Map<number, number>();
  ports.forEach((port, i) => {
    if (!port.nodePort && !taker.mayChoose) return;
    const shared = byPort.get(port.port);
    if (shared === undefined) {
      const asked = ports.find((other) => other.port === port.port && other.nodePort)?.nodePort;
      if (asked !== undefined) taker.take(asked, i);
      port.nodePort = asked ?? taker.choose();
      byPort.set(port.port, port.nodePort);
    } else if (!port.nodePort) {
      port.nodePort = shared;
    } else if (port.nodePort !== shared) {
      taker.take(port.nodePort, i);
    }
  });
}

export function ownerOf({ metadata: { namespace = '', name = '', uid = '' } }: Service): Owner {
  return { namespace, name, uid };
}

function ownedPorts(service: Service | undefined): number[] {
  const ports = ranges.ownedNodePorts(service);
  const { spec } = service ?? {};
  return spec?.healthCheckNodePort && needsHealthCheckNodePort(spec) ? [...ports, spec.healthCheckNodePort] : ports;
}

function invalidService(service: Service, problems: readonly FieldError[]): Error {
  return invalidObject({ group: '', kind: 'Service' }, service.metadata.name ?? '', problems);
}
