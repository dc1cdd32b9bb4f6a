/** The API server put together: storage, watch cache, kinds, admission, identities, and the handler chain over them. */
import type { ApiService } from '../api/apiregistration/v1/api-service.ts';
import type { Service } from '../api/core/v1/service.ts';
import type { EndpointSlice } from '../api/discovery/v1/endpoint-slice.ts';
import type { Handler, Listers } from '../api/machinery/handler.ts';
import type { Resource } from '../api/machinery/resource.ts';
import { loadDescriptions } from '../api/schema/table.ts';
import { createDynamicTable } from '../api/schema/dynamic-table.ts';
import type { SchemaTable } from '../api/schema/schema.ts';
import type { Clock } from '../base/clock.ts';
import type { EventLoopMonitor } from '../base/event-loop.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { AggregatedServices } from './aggregation/aggregated-services.ts';
import type { AggregatorOptions } from './aggregation/aggregator.ts';
import { servedElsewhere, withAggregation } from './aggregation/aggregator.ts';
import { probeDiscovery } from './aggregation/probe-discovery.ts';
import { RemoteDiscovery } from './aggregation/remote-discovery.ts';
import type { FrontProxyIdentity } from './aggregation/backends.ts';
import { Backends } from './aggregation/backends.ts';
import type { AdmissionPlugin } from './admission/admission.ts';
import { authoredAdmission } from './admission/authored-admission.ts';
import { webhookClient } from './admission/webhook/webhook-plugins.ts';
import type { EventRateLimit } from './admission/event-rate-limit.ts';
import { admissionPlugins } from './admission/plugins.ts';
import { resourceQuotaAdmission } from './admission/resource-quota.ts';
import type { Authenticator } from './authn/authenticator.ts';
import type { Authorizer } from './authz/authorizer.ts';
import { CustomKinds } from './apiextensions/custom-kinds.ts';
import { WatchCache } from './cacher/watch-cache.ts';
import { addDiscovery } from './discovery/endpoints.ts';
import { createHandlerChain } from './handler-chain.ts';
import type { HealthCheck } from './health.ts';
import { healthEndpoint } from './health.ts';
import { metricsEndpoint } from './metrics/metrics-endpoint.ts';
import { RequestMeter } from './metrics/request-meter.ts';
import { addOpenApi } from './openapi/endpoints.ts';
import { isProxied } from './proxy-subresource/proxied-path.ts';
import { startExpiry } from './registry/event-ttl.ts';
import { linkVersions } from './registry/kind-versions.ts';
import { quotaStore } from './registry/quota-store.ts';
import type { ServedKind } from './registry/served-kind.ts';
import { servedKind } from './registry/served-kind.ts';
import { Store } from './registry/store.ts';
import { addSubresources } from './registry/subresources/subresources.ts';
import type { Endpoint } from './request-context.ts';
import { rawJsonResponse } from './responses.ts';
import { Router } from './router.ts';
import type { Storage } from './storage/storage.ts';
import { versionEndpoint } from './version.ts';

export interface ApiServerOptions {
  resources: readonly Resource[];
  storage: Storage;
  schemas: SchemaTable;
  clock: Clock;
  random: Random;
  log: Logger;
  /** Given the listers of this server's own cache. */
  authenticator(listers: Listers): Authenticator;
  authorizer(listers: Listers): Authorizer;
  /** Admission that needs more than listers, such as the authorizer; runs after the table's plugins. */
  admission?(listers: Listers): AdmissionPlugin[];
  healthChecks: readonly HealthCheck[];
  /** Of this process, for `/metrics`; stopped with the server. */
  eventLoop?: EventLoopMonitor;
  /** `host:port`, known once the listener has its port. */
  serverAddress(): string;
  /** Further wiring: subresources that reach kubelets, token issuing, allocators. */
  extend?(parts: ServerParts): AfterLoad | void;
  maxRequestsInFlight?: number;
  /** Proves to aggregated API servers who asks them. */
  frontProxy?: FrontProxyIdentity;
  /** Of the admission plugin EventRateLimit, which is off without any. */
  eventRateLimits?: readonly EventRateLimit[];
}

export interface ServerParts {
  router: Router;
  store: Store;
  kinds: readonly ServedKind[];
  listers: Listers;
  storage: Storage;
  /** Resolves once the listers show everything that was stored before the call. */
  freshen(): Promise<void>;
}

/** Runs when the cache has been loaded and before the first request; `signal` aborts when the server closes. */
export type AfterLoad = (signal: AbortSignal) => Promise<void>;

export interface ApiServer {
  handler: Handler;
  /** Whether the body of such a request is for an aggregated server, or for what is behind a proxy subresource. */
  passesBody(method: string, path: string): boolean;
  /** Whether an aggregated server answers for its version: `''`, or what went wrong. Never rejects. */
  probeDiscovery(apiService: ApiService, signal: AbortSignal): Promise<string>;
  listers: Listers;
  store: Store;
  watchCache: WatchCache;
  /** Loads the cache; requests fail until it has. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { storage, clock, random, log, eventRateLimits = [] } = options;
  const schemas = createDynamicTable(options.schemas);
  const watchCache = new WatchCache({ storage, clock, log });
  const kinds = options.resources.map((resource) => servedKind(resource, watchCache.cacheOf(resource)));
  linkVersions(kinds);
  const listers = listersOf(kinds);
  const authorize = options.authorizer(listers);
  const authored = authoredAdmission({ kinds: () => router.kinds(), authorize, listers, schemas, clock, random, log });
  const quotas = quotaStore({ kinds, storage, freshen: () => watchCache.freshen() });
  const admission = [
    ...admissionPlugins({ listers, random, clock, authorize, authored, eventRateLimits }),
    ...(options.admission?.(listers) ?? []),
    resourceQuotaAdmission(quotas, clock),
  ];
  const store = new Store({ storage, watchCache, schemas, admission, clock, random });
  const router = new Router({ store, watchCache, storage, schemas, clock, authorize });
  for (const kind of kinds) router.addKind(kind);
  for (const kind of kinds) addSubresources(router, kind);
  const afterLoad = options.extend?.({ router, store, kinds, listers, storage, freshen: () => watchCache.freshen() });
  const aggregation = aggregationOf(options, listers);
  addPaths(router, options, { schemas, remote: aggregation.remote });
  const meter = new RequestMeter(clock);
  if (options.eventLoop !== undefined) {
    const sources = { requests: meter, eventLoop: options.eventLoop, objectCounts: () => objectCounts(kinds) };
    router.addPath('/metrics', metricsEndpoint(sources));
  }
  const definitions = kinds.find(({ resource }) => resource.storagePrefix === DEFINITIONS_PREFIX)!;
  const conversion = { client: webhookClient({ listers, clock, random }), random };
  const customKinds = new CustomKinds({ definitions, router, store, watchCache, schemas, clock, log, conversion });
  router.lateKinds = customKinds;
  const handler = createHandlerChain({
    meter: meter.filter,
    authenticate: options.authenticator(listers),
    authorize,
    maxRequestsInFlight: options.maxRequestsInFlight ?? 600,
    endpoint: withAggregation(router.route, aggregation),
    log,
  });
  const stop = new AbortController();
  return {
    handler,
    ...offersOf(aggregation),
    listers,
    store,
    watchCache,
    async start() {
      await watchCache.start();
      await customKinds.start(stop.signal);
      await afterLoad?.(stop.signal);
      aggregation.remote.start(stop.signal);
      startExpiry({ kinds, storage, clock, log }, stop.signal);
    },
    async close() {
      stop.abort();
      options.eventLoop?.stop();
      await watchCache.close();
    },
  };
}

function aggregationOf(
  { random, clock, frontProxy }: ApiServerOptions,
  listers: Listers,
): AggregatorOptions & { remote: RemoteDiscovery } {
  const sources = {
    services: listers<Service>({ group: '', plural: 'services' }),
    endpointSlices: listers<EndpointSlice>({ group: 'discovery.k8s.io', plural: 'endpointslices' }),
    random,
  };
  const apiServices = listers<ApiService>({ group: 'apiregistration.k8s.io', plural: 'apiservices' });
  const services = new AggregatedServices(apiServices);
  const options = { services, backends: new Backends(sources, frontProxy), clock };
  return { ...options, remote: new RemoteDiscovery(options) };
}

function offersOf(aggregation: AggregatorOptions): Pick<ApiServer, 'passesBody' | 'probeDiscovery'> {
  return {
    passesBody: (method, path) => servedElsewhere(path, aggregation) !== undefined || isProxied(method, path),
    probeDiscovery: (apiService, signal) => probeDiscovery(apiService, aggregation, signal),
  };
}

const DEFINITIONS_PREFIX = 'apiextensions.k8s.io/customresourcedefinitions';

/** Listers over the watch cache, by group and plural; of several versions the one in which objects are stored. */
export function listersOf(kinds: readonly ServedKind[]): Listers {
  const isView = ({ resource }: ServedKind): boolean => resource.view !== undefined;
  const viewsFirst = [...kinds.filter(isView), ...kinds.filter((kind) => !isView(kind))];
  const byName = new Map(
    viewsFirst.map((kind) => [`${kind.resource.group}/${kind.resource.names.plural}`, kind.cache]),
  );
  return ((resource: { group: string; plural: string }) => {
    const cache = byName.get(`${resource.group}/${resource.plural}`);
    if (cache === undefined) throw new Error(`no lister for ${resource.plural} in group "${resource.group}"`);
    return cache;
  }) as Listers;
}

/** `deployments.apps`, as upstream names them. */
function objectCounts(kinds: readonly ServedKind[]): [string, number][] {
  const stored = kinds.filter(({ resource }) => resource.view === undefined);
  return stored.map(({ resource: { names, group }, cache }) => [
    group === '' ? names.plural : `${names.plural}.${group}`,
    cache.size,
  ]);
}

function addPaths(
  router: Router,
  { healthChecks, serverAddress }: ApiServerOptions,
  { schemas, remote }: { schemas: SchemaTable; remote: RemoteDiscovery },
): void {
  const ping: HealthCheck = { name: 'ping', check: () => undefined };
  router.addPath('/version', versionEndpoint);
  for (const name of ['livez', 'readyz', 'healthz']) {
    const endpoint = healthEndpoint(name, [ping, ...(name === 'livez' ? [] : healthChecks)]);
    router.addPath(`/${name}`, endpoint);
    router.addPath(`/${name}/`, endpoint);
  }
  addDiscovery(router, remote, serverAddress);
  addOpenApi(router, { table: schemas, descriptions: loadDescriptions, remoteUrls: () => remote.openApiUrls() });
  const index: Endpoint = () =>
    rawJsonResponse({
      paths: router
        .paths()
        .filter((path) => !path.endsWith('/'))
        .sort(),
    });
  router.addPath('/', index);
}
