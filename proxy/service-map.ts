/**
 * What a node must do for every port of every Service: addresses that lead to it and endpoints behind it
 * (upstream: `pkg/proxy/servicechangetracker.go`, `pkg/proxy/topology.go`). Pure. Texts of objects are taken over only
 * in forms that were checked here, since they end in rules.
 */
import { isIPv4 } from 'node:net';
import type { Service } from '../api/core/v1/service.ts';
import { isHeadless } from '../api/core/v1/service/spec.ts';
import type { ServicePort, ServiceSpec } from '../api/core/v1/service/spec.ts';
import type { EndpointSlice } from '../api/discovery/v1/endpoint-slice.ts';

export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
const PROXY_NAME_LABEL = 'service.kubernetes.io/service-proxy-name';

export type Protocol = 'tcp' | 'udp' | 'sctp';

export interface Endpoint {
  ip: string;
  port: number;
  /** On this node. */
  isLocal: boolean;
}

/** One port of one Service. */
export interface ServicePortInfo {
  namespace: string;
  name: string;
  portName: string;
  protocol: Protocol;
  clusterIp: string;
  port: number;
  /** 0: none. */
  nodePort: number;
  externalIps: readonly string[];
  /** Addresses of a load balancer that sends packets with that destination (`ipMode: VIP`). */
  loadBalancerIps: readonly string[];
  /** Who may use the load balancer's addresses; empty: everyone. */
  sourceRanges: readonly string[];
  /** 0: no session affinity. */
  affinitySeconds: number;
  isInternalLocal: boolean;
  isExternalLocal: boolean;
  /** 0: none. */
  healthCheckNodePort: number;
  /** For traffic that may go to any node. In order of address. */
  endpoints: readonly Endpoint[];
  /** For traffic that must stay on this node. */
  localEndpoints: readonly Endpoint[];
}

export interface ServiceMapOptions {
  services: Iterable<Service>;
  slices: Iterable<EndpointSlice>;
  nodeName: string;
}

/** Three hours, as the API's default. */
const DEFAULT_AFFINITY_SECONDS = 10800;
/** As objects name them, to as rules do. */
export const PROTOCOLS: Readonly<Record<string, Protocol>> = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' };

/** `namespace/name` of a slice's Service. */
export function serviceKeyOf({ metadata }: EndpointSlice): string | undefined {
  const name = metadata.labels?.[SERVICE_NAME_LABEL];
  return name === undefined || name === '' ? undefined : `${metadata.namespace ?? ''}/${name}`;
}

/** In order of namespace, name and port. */
export function buildServiceMap({ services, slices, nodeName }: ServiceMapOptions): ServicePortInfo[] {
  const byService = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const key = serviceKeyOf(slice);
    if (key === undefined || slice.addressType !== 'IPv4') continue;
    const known = byService.get(key);
    if (known === undefined) byService.set(key, [slice]);
    else known.push(slice);
  }
  const ports = [...services].flatMap((service) => {
    const { namespace = '', name = '' } = service.metadata;
    return servicePorts(service, { slices: byService.get(`${namespace}/${name}`) ?? [], nodeName });
  });
  return ports.sort((a, b) => compare(idOf(a), idOf(b)));
}

/** The port infos of one Service, from its own slices. */
export function servicePorts(
  service: Service,
  { slices, nodeName }: { slices: readonly EndpointSlice[]; nodeName: string },
): ServicePortInfo[] {
  const { spec = {}, metadata } = service;
  const clusterIp = spec.clusterIP ?? '';
  if (spec.type === 'ExternalName' || isHeadless(spec) || !isUsableIp(clusterIp)) return [];
  if (metadata.labels?.[PROXY_NAME_LABEL] !== undefined) return [];
  return (spec.ports ?? []).flatMap((port) => {
    const protocol = PROTOCOLS[port.protocol ?? 'TCP'];
    if (protocol === undefined || !isPort(port.port)) return [];
    const candidates = candidatesOf(slices, { portName: port.name ?? '', protocol, nodeName });
    return [
      {
        namespace: metadata.namespace ?? '',
        name: metadata.name ?? '',
        ...portFacts(port, protocol),
        ...trafficFacts(service, spec),
        clusterIp,
        endpoints: usable(candidates),
        localEndpoints: usable(candidates.filter(({ isLocal }) => isLocal)),
      },
    ];
  });
}

/** Names a port of a Service among all: `default/web/http/tcp`. */
export function idOf(info: Pick<ServicePortInfo, 'namespace' | 'name' | 'portName' | 'protocol'>): string {
  return `${info.namespace}/${info.name}/${info.portName}/${info.protocol}`;
}

function portFacts(
  port: ServicePort,
  protocol: Protocol,
): Pick<ServicePortInfo, 'portName' | 'protocol' | 'port' | 'nodePort'> {
  const nodePort = port.nodePort ?? 0;
  return { portName: port.name ?? '', protocol, port: port.port, nodePort: isPort(nodePort) ? nodePort : 0 };
}

function trafficFacts(
  { status }: Service,
  spec: ServiceSpec,
): Pick<
  ServicePortInfo,
  | 'externalIps'
  | 'loadBalancerIps'
  | 'sourceRanges'
  | 'affinitySeconds'
  | 'isInternalLocal'
  | 'isExternalLocal'
  | 'healthCheckNodePort'
> {
  const ingress = spec.type === 'LoadBalancer' ? (status?.loadBalancer?.ingress ?? []) : [];
  const isExternalLocal = spec.externalTrafficPolicy === 'Local';
  return {
    externalIps: (spec.externalIPs ?? []).filter(isUsableIp),
    loadBalancerIps: ingress.flatMap(({ ip = '', ipMode }) => (isUsableIp(ip) && ipMode !== 'Proxy' ? [ip] : [])),
    sourceRanges: (spec.loadBalancerSourceRanges ?? []).flatMap((range) => checkedCidr(range.trim()) ?? []),
    affinitySeconds: affinitySecondsOf(spec),
    isInternalLocal: spec.internalTrafficPolicy === 'Local',
    isExternalLocal,
    healthCheckNodePort: isExternalLocal && spec.type === 'LoadBalancer' ? (spec.healthCheckNodePort ?? 0) : 0,
  };
}

function affinitySecondsOf({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): number {
  if (sessionAffinity !== 'ClientIP') return 0;
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS;
  return Number.isInteger(seconds) && seconds > 0 ? seconds : 0;
}

interface Candidate extends Endpoint {
  isReady: boolean;
  isServingTerminating: boolean;
}

interface Wanted {
  portName: string;
  protocol: Protocol;
  nodeName: string;
}

function candidatesOf(slices: readonly EndpointSlice[], wanted: Wanted): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const candidate of slices.flatMap((slice) => candidatesIn(slice, wanted))) {
    const key = `${candidate.ip}:${candidate.port}`;
    // One endpoint may stand in two slices while it moves from one to the other.
    if (found.get(key)?.isReady !== true) found.set(key, candidate);
  }
  return [...found.entries()].sort(([a], [b]) => compare(a, b)).map(([, candidate]) => candidate);
}

function candidatesIn(slice: EndpointSlice, { portName, protocol, nodeName }: Wanted): Candidate[] {
  const numbers = (slice.ports ?? []).flatMap(({ name = '', protocol: own = 'TCP', port = 0 }) =>
    name === portName && PROTOCOLS[own] === protocol && isPort(port) ? [port] : [],
  );
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const ip = endpoint.addresses?.[0] ?? '';
    if (!isUsableIp(ip)) return [];
    const { ready = true, serving = ready, terminating = false } = endpoint.conditions ?? {};
    const facts = {
      ip,
      isLocal: endpoint.nodeName === nodeName,
      isReady: ready,
      isServingTerminating: serving && terminating,
    };
    return numbers.map((port) => ({ ...facts, port }));
  });
}

/** The ready ones; where there are none, those that still serve while they terminate. */
function usable(candidates: readonly Candidate[]): Endpoint[] {
  const ready = candidates.filter(({ isReady }) => isReady);
  const chosen = ready.length > 0 ? ready : candidates.filter(({ isServingTerminating }) => isServingTerminating);
  return chosen.map(({ ip, port, isLocal }) => ({ ip, port, isLocal }));
}

/** Addresses of endpoints that are ready; one that only fills in while it terminates is not. */
export function readyIps(slices: Iterable<EndpointSlice>): Set<string> {
  const ready = [...slices].flatMap(({ endpoints = [] }) =>
    endpoints.filter(({ conditions }) => conditions?.ready !== false),
  );
  return new Set(ready.flatMap(({ addresses }) => addresses ?? []));
}

/**
 * Whether a pod may get its stop signal as far as this node's rules go: it receives nothing new by what the kernel has
 * (`loaded`), and would not by what is still to be written (`wanted`): a pod may be deleted before the rules have even
 * heard that it is ready, and must not come into them after its signal.
 */
export function isTakenOut(
  podIp: string,
  { loaded, wanted }: { loaded: ReadonlySet<string>; wanted: ReadonlySet<string> },
): boolean {
  return !loaded.has(podIp) && !wanted.has(podIp);
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65536;
}

/** A canonical IPv4 address that is not loopback. */
export function isUsableIp(text: string): boolean {
  return isIPv4(text) && !text.startsWith('127.') && !text.startsWith('0.');
}

function checkedCidr(text: string): string | undefined {
  const match = /^([0-9.]+)\/(\d{1,2})$/.exec(text);
  return match !== null && isIPv4(match[1]!) && Number(match[2]) <= 32 ? text : undefined;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
