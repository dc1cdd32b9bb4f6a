/**
 * What a request for a proxy subresource is sent to: an address of the very object it names, and no other (upstream
 * `ResourceLocation` in `pkg/registry/core/{pod,node}/strategy.go` and `pkg/registry/core/service/storage/storage.go`).
 */
import { BlockList, isIP } from 'node:net';
import type { Endpoints } from '../../api/core/v1/endpoints.ts';
import type { Node } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { badRequest, notFound, serviceUnavailable } from '../../api/machinery/errors.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { Random } from '../../base/random.ts';
import type { KubeletAddress } from '../kubelet-proxy/connection.ts';
import { kubeletAddress } from '../kubelet-proxy/connection.ts';

export interface ProxyTarget {
  scheme: 'http' | 'https';
  /** An address; of a node it may be a name. */
  host: string;
  port: number;
  /** The target is a kubelet: it is shown the API server's certificate, and has to show its own. */
  kubelet?: KubeletAddress;
}

export interface TargetSources {
  nodes: Lister<Node>;
  pods: Lister<Pod>;
  services: Lister<Service>;
  endpoints: Lister<Endpoints>;
  random: Random;
}

export interface NamedTarget {
  scheme: '' | 'http' | 'https';
  name: string;
  /** Number or name; `''`: none was said. */
  port: string;
}

/** `name`, `name:port` or `scheme:name:port` (apimachinery `util/net`, `SplitSchemeNamePort`). */
export function parseTarget(id: string): NamedTarget | undefined {
  const parts = id.split(':');
  if (parts.length > 3) return undefined;
  const [scheme = '', name = '', port = ''] = parts.length === 3 ? parts : ['', ...parts];
  if (name === '' || (scheme !== '' && scheme !== 'http' && scheme !== 'https')) return undefined;
  return { scheme, name, port };
}

/** Throws `ApiError` when there is nothing to send to. */
export function podTarget(sources: TargetSources, namespace: string, id: string): ProxyTarget {
  const asked = askedFor('pod', id);
  const pod = sources.pods.get(namespace, asked.name);
  if (pod === undefined) throw notFound({ group: '', resource: 'pods' }, asked.name);
  const declared = pod.spec.containers.find(({ ports = [] }) => ports.length > 0)?.ports?.[0]?.containerPort;
  const host = addressesOf(pod)[0] ?? '';
  if (!isProxyable(host)) throw badRequest('address not allowed');
  refuseSimulated(sources.nodes, pod);
  return withPort(asked, host, asked.port === '' ? declared : asked.port);
}

/** One of the ready pods behind it, by chance. */
export function serviceTarget(sources: TargetSources, namespace: string, id: string): ProxyTarget {
  const asked = askedFor('service', id);
  const portName = servicePortName(sources.services, namespace, asked);
  const found = sources.endpoints.get(namespace, asked.name);
  if (found === undefined) throw notFound({ group: '', resource: 'endpoints' }, asked.name);
  const { subsets = [] } = found;
  if (subsets.length === 0) throw noEndpoints(asked.name);
  for (const { addresses = [], ports = [] } of startedAnywhere(subsets, sources.random)) {
    const port = ports.find(({ name = '' }) => name === portName)?.port;
    if (port === undefined) continue;
    for (const address of startedAnywhere(addresses, sources.random)) {
      const pod = podAt(address, sources.pods, namespace);
      if (pod === undefined) continue;
      refuseSimulated(sources.nodes, pod);
      return withPort(asked, address.ip, port);
    }
  }
  throw noEndpoints(id);
}

type Address = NonNullable<NonNullable<Endpoints['subsets']>[number]['addresses']>[number];

/** Endpoints are written by hand, too: only addresses count that a pod of the namespace has by itself. */
function podAt({ ip, targetRef }: Address, pods: Lister<Pod>, namespace: string): Pod | undefined {
  if (targetRef?.name === undefined || targetRef.namespace !== namespace || !isProxyable(ip)) return undefined;
  const pod = pods.get(namespace, targetRef.name);
  return pod !== undefined && addressesOf(pod).includes(ip) ? pod : undefined;
}

/** The kubelet, unless another port is asked for. */
export function nodeTarget({ nodes }: Pick<TargetSources, 'nodes'>, id: string): ProxyTarget {
  const asked = askedFor('node', id);
  if (nodes.get('', asked.name) === undefined) throw notFound({ group: '', resource: 'nodes' }, asked.name);
  const kubelet = kubeletAddress(nodes, asked.name);
  if (isIP(kubelet.host) !== 0 && !isProxyable(kubelet.host)) throw badRequest('address not allowed');
  if (asked.port !== '' && asked.port !== String(kubelet.port)) return withPort(asked, kubelet.host, asked.port);
  return { scheme: 'https', host: kubelet.host, port: kubelet.port, kubelet };
}

const REFUSED = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 32],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['255.255.255.255', 32],
] as const)
  REFUSED.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  REFUSED.addSubnet(network, prefix, 'ipv6');

/** An address that leads to another machine or pod: not to this one, to a link or to many (Go: `IsGlobalUnicast`). */
export function isProxyable(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && !address.includes('%') && !REFUSED.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

function askedFor(kind: 'pod' | 'service' | 'node', id: string): NamedTarget {
  const asked = parseTarget(id);
  if (asked === undefined) throw badRequest(`invalid ${kind} request ${JSON.stringify(id)}`);
  return asked;
}

function servicePortName(services: Lister<Service>, namespace: string, { name, port }: NamedTarget): string {
  if (!/^[+-]?\d+$/.test(port)) return port;
  const service = services.get(namespace, name);
  if (service === undefined) throw notFound({ group: '', resource: 'services' }, name);
  const found = service.spec?.ports?.find((one) => one.port === Number(port));
  if (found === undefined)
    throw serviceUnavailable(`no service port ${Number(port)} found for service ${JSON.stringify(name)}`);
  return found.name ?? '';
}

function noEndpoints(name: string): Error {
  return serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
}

function addressesOf({ status }: Pod): string[] {
  const all = (status?.podIPs ?? []).map(({ ip }) => ip ?? '');
  return all.length === 0 && status?.podIP !== undefined ? [status.podIP] : all;
}

/** Whoever tried to connect would wait for nobody. */
function refuseSimulated(nodes: Lister<Node>, { spec, metadata }: Pod): void {
  const node = nodes.get('', spec.nodeName ?? '');
  if (node?.status?.daemonEndpoints?.kubeletEndpoint?.Port !== 0) return;
  throw unreachable(`pod ${metadata.name} is simulated by node ${spec.nodeName}: nothing listens`);
}

/** The words with which a target that does not answer is told of. */
export function unreachable(cause: string): Error {
  return serviceUnavailable(`error trying to reach service: ${cause}`);
}

function withPort({ scheme: asked }: NamedTarget, host: string, port: string | number | null | undefined): ProxyTarget {
  const scheme = asked === 'https' ? 'https' : 'http';
  if (port === undefined || port === null) return { scheme, host, port: scheme === 'https' ? 443 : 80 };
  if (!/^\d+$/.test(String(port))) throw unreachable(`dial tcp: lookup tcp/${port}: unknown port`);
  if (Number(port) < 1 || Number(port) > 65_535) throw unreachable(`dial tcp: address ${port}: invalid port`);
  return { scheme, host, port: Number(port) };
}

function startedAnywhere<T>(list: readonly T[], random: Random): T[] {
  const start = Math.floor(random.float() * list.length);
  return [...list.slice(start), ...list.slice(0, start)];
}
