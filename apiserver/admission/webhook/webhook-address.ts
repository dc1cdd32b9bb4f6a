/**
 * Where a webhook is reached: its URL, or a ready endpoint of its Service, under the name that its certificate must
 * carry (apiserver `pkg/util/webhook/client.go`, kube-aggregator `pkg/apiserver/resolvers.go`).
 */
import type { EndpointSlice } from '../../../api/discovery/v1/endpoint-slice.ts';
import type { Service } from '../../../api/core/v1/service.ts';
import type { WebhookClientConfig } from '../../../api/admissionregistration/v1/webhook-client-config.ts';
import type { Lister } from '../../../api/machinery/handler.ts';
import { selectorFromMap } from '../../../api/machinery/label-selector.ts';
import type { Random } from '../../../base/random.ts';

export interface WebhookAddress {
  /** As errors show it, without the query. */
  url: string;
  path: string;
  /** What is dialled. */
  host: string;
  port: number;
  /** `Host` of the request. */
  authority: string;
  /** Name in the certificate. `''`: that of the host. */
  serverName: string;
}

export interface AddressSources {
  services: Lister<Service>;
  endpointSlices: Lister<EndpointSlice>;
  random: Random;
}

/** Why a Service cannot be reached. `url` is what would have been called. */
export class NoAddress extends Error {
  override readonly name = 'NoAddress';
  readonly url: string;

  constructor(url: string, message: string) {
    super(message);
    this.url = url;
  }
}

/** Throws NoAddress. */
export function webhookAddress(config: WebhookClientConfig, sources: AddressSources): WebhookAddress {
  return config.service ? serviceAddress(config.service, sources) : urlAddress(config.url ?? '');
}

function urlAddress(text: string): WebhookAddress {
  if (!URL.canParse(text)) throw new NoAddress(text, 'invalid URL');
  const url = new URL(text);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return {
    url: text,
    path: url.pathname,
    host,
    port: url.port === '' ? 443 : Number(url.port),
    authority: url.host,
    serverName: '',
  };
}

function serviceAddress(
  { name, namespace, path, port = 443 }: NonNullable<WebhookClientConfig['service']>,
  sources: AddressSources,
): WebhookAddress {
  const serverName = `${name}.${namespace}.svc`;
  const authority = `${serverName}:${port}`;
  const urlPath = (path ?? '').startsWith('/') ? path! : `/${path ?? ''}`;
  const url = `https://${authority}${urlPath}`;
  return { url, path: urlPath, ...endpointOf({ name, namespace, port, url }, sources), authority, serverName };
}

function endpointOf(
  { name, namespace, port, url }: { name: string; namespace: string; port: number; url: string },
  { services, endpointSlices, random }: AddressSources,
): { host: string; port: number } {
  const quoted = JSON.stringify(name);
  const service = services.get(namespace, name);
  if (service === undefined) throw new NoAddress(url, `service ${quoted} not found`);
  const { type, externalName = '', ports = [] } = service.spec ?? {};
  if (type === 'ExternalName') return { host: externalName, port };
  const servicePort = ports.find((one) => one.port === port);
  if (servicePort === undefined) throw new NoAddress(url, `no service port ${port} found for service ${quoted}`);
  const labelSelector = selectorFromMap({ 'kubernetes.io/service-name': name });
  const found = endpointSlices.list({ namespace, labelSelector }).flatMap((slice) => {
    const target = (slice.ports ?? []).find((one) => (one.name ?? '') === (servicePort.name ?? ''))?.port;
    if (target === undefined) return [];
    const ready = (slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
    return ready.flatMap(({ addresses }) => addresses.map((host) => ({ host, port: target })));
  });
  const chosen = found[Math.floor(random.float() * found.length)];
  if (chosen === undefined) throw new NoAddress(url, `no endpoints available for service ${quoted}`);
  return chosen;
}
