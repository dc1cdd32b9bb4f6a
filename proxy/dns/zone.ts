/** The cluster's names as they follow from Services and EndpointSlices, kept as the objects come and go. */
import { isIPv4 } from 'node:net';
import type { Service } from '../../api/core/v1/service.ts';
import { isHeadless } from '../../api/core/v1/service/spec.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpoint-slice.ts';
import { formatIp, parseIp } from '../../api/machinery/validation-ip.ts';
import { serviceKeyOf } from '../service-map.ts';
import { AddressIndex } from './address-index.ts';

export interface NamedPort {
  name: string;
  /** `tcp`, `udp`, `sctp` */
  protocol: string;
  port: number;
}

/** An address behind a Service. */
export interface ServiceEndpoint {
  /** The pod's hostname, else its address with dashes; in lower case. */
  hostname: string;
  ip: string;
  ports: readonly NamedPort[];
}

export type ServiceRecords =
  | { type: 'clusterIp'; ips: readonly string[]; ports: readonly NamedPort[] }
  | { type: 'headless' }
  | { type: 'externalName'; target: string };

/** What questions are answered from. Names are in lower case, without a dot at the end. */
export interface Zone {
  /** `cluster.local` */
  domain: string;
  /** Grows with every change. */
  serial: number;
  service(namespace: string, name: string): ServiceRecords | undefined;
  /** Those that are ready, of a Service of any type. */
  endpoints(namespace: string, name: string): readonly ServiceEndpoint[];
  /** Whether any Service is there. */
  hasNamespace(namespace: string): boolean;
  /** Full names of what has the address: the Service whose own it is, or else every endpoint. */
  namesOf(ip: string): readonly string[];
}

export class ClusterZone implements Zone {
  readonly domain: string;
  #serial = 1;
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, Map<string, EndpointSlice>>();
  readonly #serviceCounts = new Map<string, number>();
  readonly #addresses = new AddressIndex();
  readonly #records = new Map<string, ServiceRecords>();
  readonly #endpoints = new Map<string, readonly ServiceEndpoint[]>();

  constructor(domain: string) {
    this.domain = domain.toLowerCase();
  }

  get serial(): number {
    return this.#serial;
  }

  /** `undefined`: it is gone. */
  setService(key: string, service: Service | undefined): void {
    const namespace = key.slice(0, key.indexOf('/'));
    const previous = this.#services.get(key);
    if (service === undefined) this.#services.delete(key);
    else this.#services.set(key, service);
    if (previous !== undefined) this.#addresses.remove(key, clusterIpsOf(previous));
    if (service !== undefined) this.#addresses.add(key, clusterIpsOf(service));
    const change = (service === undefined ? 0 : 1) - (previous === undefined ? 0 : 1);
    const count = (this.#serviceCounts.get(namespace) ?? 0) + change;
    if (count === 0) this.#serviceCounts.delete(namespace);
    else this.#serviceCounts.set(namespace, count);
    this.#forget(key);
  }

  setSlice(key: string, slice: EndpointSlice, isGone: boolean): void {
    const serviceKey = serviceKeyOf(slice);
    if (serviceKey === undefined) return;
    const slices = this.#slices.get(serviceKey) ?? new Map<string, EndpointSlice>();
    const previous = slices.get(key);
    if (previous !== undefined) this.#addresses.remove(serviceKey, endpointIpsOf(previous));
    if (!isGone) this.#addresses.add(serviceKey, endpointIpsOf(slice));
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
    const records = service === undefined ? undefined : recordsOf(service);
    if (records !== undefined) this.#records.set(key, records);
    return records;
  }

  endpoints(namespace: string, name: string): readonly ServiceEndpoint[] {
    const key = `${namespace}/${name}`;
    const known = this.#endpoints.get(key);
    if (known !== undefined) return known;
    const endpoints = endpointsOf(this.#slices.get(key)?.values() ?? []);
    this.#endpoints.set(key, endpoints);
    return endpoints;
  }

  hasNamespace(namespace: string): boolean {
    return this.#serviceCounts.has(namespace);
  }

  namesOf(ip: string): readonly string[] {
    const names: string[] = [];
    for (const key of this.#addresses.serviceKeysOf(ip)) {
      const [namespace, name] = key.split('/') as [string, string];
      const full = `${name}.${namespace}.svc.${this.domain}`;
      const records = this.service(namespace, name);
      if (records === undefined || records.type === 'externalName') continue;
      if (records.type === 'clusterIp' && records.ips.includes(ip)) return [full];
      const endpoints = this.endpoints(namespace, name).filter((endpoint) => endpoint.ip === ip);
      names.push(...endpoints.map(({ hostname }) => `${hostname}.${full}`));
    }
    return names;
  }

  #forget(serviceKey: string): void {
    this.#records.delete(serviceKey);
    this.#endpoints.delete(serviceKey);
    this.#serial = (this.#serial + 1) >>> 0;
  }
}

/** Undefined for a Service that has no address yet. */
function recordsOf(service: Service): ServiceRecords | undefined {
  const { spec = {} } = service;
  if (spec.type === 'ExternalName') {
    const target = (spec.externalName ?? '').replace(/\.$/, '').toLowerCase();
    return isDomainName(target) ? { type: 'externalName', target } : undefined;
  }
  if (isHeadless(spec) || spec.clusterIP === 'None') return { type: 'headless' };
  const ips = clusterIpsOf(service);
  if (ips.length === 0) return undefined;
  const ports = (spec.ports ?? []).map(({ name = '', protocol = 'TCP', port }) => ({
    name,
    protocol: protocol.toLowerCase(),
    port,
  }));
  return { type: 'clusterIp', ips, ports };
}

function clusterIpsOf({ spec = {} }: Service): string[] {
  return (spec.clusterIPs ?? [spec.clusterIP ?? '']).flatMap((ip) => canonical(ip) ?? []);
}

function endpointIpsOf({ addressType, endpoints }: EndpointSlice): string[] {
  if (addressType === 'FQDN') return [];
  return (endpoints ?? []).flatMap(({ addresses }) => canonical(addresses?.[0] ?? '') ?? []);
}

function endpointsOf(slices: Iterable<EndpointSlice>): ServiceEndpoint[] {
  const found = new Map<string, ServiceEndpoint>();
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
  // Nearly all are, and parsing thousands of them takes its time.
  if (isIPv4(text)) return text;
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
