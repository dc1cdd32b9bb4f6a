/** The cluster's names as they follow from Services and EndpointSlices, kept as the objects come and go. */
import { isIPv4 } from 'node:net';
import type { Service } from '../../api/core/v1/service.ts';
import { isHeadless } from '../../api/core/v1/service/spec.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpoint-slice.ts';
import { formatIp, parseIp } from '../../api/machinery/validation-ip.ts';
import { serviceKeyOf } from '../service-map.ts';

export interface NamedPort {
  name: string;
  /** `tcp`, `udp`, `sctp` */
  protocol: string;
  port: number;
}

/** An address of a headless Service. */
export interface HeadlessEndpoint {
  /** The pod's hostname, else its address with dashes; in lower case. */
  hostname: string;
  ip: string;
  ports: readonly NamedPort[];
}

export type ServiceRecords =
  | { type: 'clusterIp'; ips: readonly string[]; ports: readonly NamedPort[] }
  | { type: 'headless'; endpoints: readonly HeadlessEndpoint[] }
  | { type: 'externalName'; target: string };

/** What questions are answered from. Names are in lower case, without a dot at the end. */
export interface Zone {
  /** `cluster.local` */
  domain: string;
  /** Grows with every change. */
  serial: number;
  service(namespace: string, name: string): ServiceRecords | undefined;
  /** Whether any Service is there. */
  hasNamespace(namespace: string): boolean;
  /** Full names of what has the address. */
  namesOf(ip: string): readonly string[];
}

export class ClusterZone implements Zone {
  readonly domain: string;
  #serial = 1;
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, Map<string, EndpointSlice>>();
  readonly #serviceCounts = new Map<string, number>();
  readonly #records = new Map<string, ServiceRecords>();
  #names: Map<string, string[]> | undefined;

  constructor(domain: string) {
    this.domain = domain.toLowerCase();
  }

  get serial(): number {
    return this.#serial;
  }

  /** `undefined`: it is gone. */
  setService(key: string, service: Service | undefined): void {
    const namespace = key.slice(0, key.indexOf('/'));
    const had = this.#services.has(key);
    if (service === undefined) this.#services.delete(key);
    else this.#services.set(key, service);
    const change = (service === undefined ? 0 : 1) - (had ? 1 : 0);
    const count = (this.#serviceCounts.get(namespace) ?? 0) + change;
    if (count === 0) this.#serviceCounts.delete(namespace);
    else this.#serviceCounts.set(namespace, count);
    this.#forget(key);
  }

  setSlice(key: string, slice: EndpointSlice, isGone: boolean): void {
    const serviceKey = serviceKeyOf(slice);
    if (serviceKey === undefined) return;
    const slices = this.#slices.get(serviceKey) ?? new Map<string, EndpointSlice>();
    if (isGone) slices.delete(key);
    else slices.set(key, slice);
    if (slices.size === 0) this.#slices.delete(serviceKey);
    else this.#slices.set(serviceKey, slices);
    this.#forget(serviceKey);
  }

  service(namespace: string, name: string): ServiceRecords | undefined {
    const key = `${namespace}/${name}`;
    const known = this.#records.get(key);
    if (known !== undefined) return known;
    const service = this.#services.get(key);
    const records = service === undefined ? undefined : recordsOf(service, this.#slices.get(key)?.values() ?? []);
    if (records !== undefined) this.#records.set(key, records);
    return records;
  }

  hasNamespace(namespace: string): boolean {
    return this.#serviceCounts.has(namespace);
  }

  namesOf(ip: string): readonly string[] {
    this.#names ??= this.#collectNames();
    return this.#names.get(ip) ?? [];
  }

  #forget(serviceKey: string): void {
    this.#records.delete(serviceKey);
    this.#names = undefined;
    this.#serial = (this.#serial + 1) >>> 0;
  }

  #collectNames(): Map<string, string[]> {
    const names = new Map<string, string[]>();
    const add = (ip: string, name: string): void => {
      const known = names.get(ip);
      if (known === undefined) names.set(ip, [name]);
      else known.push(name);
    };
    for (const key of this.#services.keys()) {
      const [namespace, name] = key.split('/') as [string, string];
      const full = `${name}.${namespace}.svc.${this.domain}`;
      const records = this.service(namespace, name);
      if (records?.type === 'clusterIp') for (const ip of records.ips) add(ip, full);
      if (records?.type === 'headless')
        for (const { ip, hostname } of records.endpoints) add(ip, `${hostname}.${full}`);
    }
    return names;
  }
}

/** Undefined for a Service that has no address yet. */
export function recordsOf(service: Service, slices: Iterable<EndpointSlice>): ServiceRecords | undefined {
  const { spec = {} } = service;
  if (spec.type === 'ExternalName') {
    const target = (spec.externalName ?? '').replace(/\.$/, '').toLowerCase();
    return isDomainName(target) ? { type: 'externalName', target } : undefined;
  }
  if (isHeadless(spec) || spec.clusterIP === 'None') return { type: 'headless', endpoints: headlessEndpoints(slices) };
  const ips = (spec.clusterIPs ?? [spec.clusterIP ?? '']).flatMap((ip) => canonical(ip) ?? []);
  if (ips.length === 0) return undefined;
  const ports = (spec.ports ?? []).map(({ name = '', protocol = 'TCP', port }) => ({
    name,
    protocol: protocol.toLowerCase(),
    port,
  }));
  return { type: 'clusterIp', ips, ports };
}

function headlessEndpoints(slices: Iterable<EndpointSlice>): HeadlessEndpoint[] {
  const found = new Map<string, HeadlessEndpoint>();
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    const ports = (slice.ports ?? []).flatMap(({ name = '', protocol = 'TCP', port }) =>
      port === undefined ? [] : [{ name, protocol: protocol.toLowerCase(), port }],
    );
    for (const { addresses, conditions, hostname } of slice.endpoints ?? []) {
      const ip = canonical(addresses?.[0] ?? '');
      if (ip === undefined || conditions?.ready === false) continue;
      const name = (hostname ?? '') === '' ? dashed(ip) : hostname!.toLowerCase();
      const known = found.get(`${name}/${ip}`);
      found.set(`${name}/${ip}`, { hostname: name, ip, ports: [...(known?.ports ?? []), ...ports] });
    }
  }
  return [...found.values()];
}

function canonical(text: string): string | undefined {
  const address = text === '' ? undefined : parseIp(text);
  return address === undefined ? undefined : formatIp(address);
}

function dashed(ip: string): string {
  return isIPv4(ip) ? ip.replaceAll('.', '-') : ip.replaceAll(':', '-');
}

/** What fits into a DNS message. */
export function isDomainName(name: string): boolean {
  return (
    name.length > 0 && name.length <= 253 && name.split('.').every((label) => label.length > 0 && label.length <= 63)
  );
}
