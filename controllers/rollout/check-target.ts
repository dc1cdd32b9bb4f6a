/**
 * Where a check goes: to the addresses of pods of the Rollout's own namespace, and nowhere else. A Service is followed
 * by its selector, never by its endpoints, addresses or external name, which may point anywhere.
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { selectorFromMap } from '../../api/machinery/label-selector.ts';
import { isPodActive, isPodReady } from '../pods.ts';

export interface Target {
  protocol: 'http' | 'https' | 'tcp';
  address: string;
  port: number;
  /** With the query; of HTTP. */
  path: string;
  /** What the `Host` header says; of HTTP. */
  host: string;
}

export type Resolved<T> = { ok: true; value: T } | { ok: false; problem: string };

const problem = (text: string): { ok: false; problem: string } => ({ ok: false, problem: text });

/** Ready pods with an address of their own: what shares the host's network could lead to the host. */
export function reachablePods(pods: readonly Pod[]): Pod[] {
  return pods.filter(
    (pod) => isPodActive(pod) && isPodReady(pod) && pod.spec.hostNetwork !== true && (pod.status?.podIP ?? '') !== '',
  );
}

export interface ServiceAddress {
  name: string;
  port: number | undefined;
  path: string;
  protocol: 'http' | 'https';
  host: string;
}

/** `http://NAME[.NAMESPACE[.svc[.DOMAIN]]][:PORT]/PATH` of this namespace. */
export function parseServiceUrl(text: string, namespace: string): Resolved<ServiceAddress> {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return problem('the URL is malformed');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return problem('the URL is neither http nor https');
  if (url.username !== '' || url.password !== '') return problem('the URL carries credentials');
  const [name = '', ownNamespace = namespace, svc = 'svc'] = url.hostname.split('.');
  if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name) || svc !== 'svc')
    return problem(`${url.hostname} is no Service of this namespace`);
  if (ownNamespace !== namespace) return problem(`${url.hostname} is not in the namespace ${namespace}`);
  return {
    ok: true,
    value: {
      name,
      port: url.port === '' ? undefined : Number(url.port),
      path: `${url.pathname}${url.search}`,
      protocol: url.protocol === 'https:' ? 'https' : 'http',
      host: url.host,
    },
  };
}

/** A pod behind the Service, and its port there; `port` is of the Service, by number or name. */
export function podBehind(
  service: Service,
  port: number | string | undefined,
  pods: readonly Pod[],
): Resolved<{ address: string; port: number }> {
  const { selector = {}, ports = [], type } = service.spec ?? {};
  const name = service.metadata.name;
  if (type === 'ExternalName' || Object.keys(selector).length === 0) return problem(`Service ${name} selects no pods`);
  const found = port === undefined ? ports[0] : ports.find((one) => one.port === port || one.name === port);
  if (found === undefined || (port === undefined && ports.length > 1))
    return problem(port === undefined ? `Service ${name} has several ports` : `Service ${name} has no port ${port}`);
  const matches = selectorFromMap(selector);
  const [pod] = reachablePods(pods).filter(({ metadata }) => matches.matches(metadata.labels));
  if (pod === undefined) return problem(`no ready pod is behind the Service ${name}`);
  return podPort(pod, (found.targetPort as number | string | undefined) ?? found.port);
}

/** The pod's port, by number or by a container's name for it. */
export function podPort(pod: Pod, port: number | string): Resolved<{ address: string; port: number }> {
  const number =
    typeof port === 'number' || /^\d+$/.test(port)
      ? Number(port)
      : pod.spec.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === port)?.containerPort;
  if (number === undefined || number < 1 || number > 65535)
    return problem(`pod ${pod.metadata.name} has no port ${port}`);
  return { ok: true, value: { address: pod.status!.podIP!, port: number } };
}
