/**
 * APIService availability: whether this server, or the Service that is named, serves a version
 * (kube-aggregator `pkg/controllers/status/{local,remote}`).
 */
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import { apiServices } from '../../api/apiregistration/v1/api-service.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { services } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpoint-slice.ts';
import { endpointSlices } from '../../api/discovery/v1/endpoint-slice.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { selectorFromMap } from '../../api/machinery/label-selector.ts';
import { formatTime } from '../../base/clock.ts';
import { withCondition } from '../../client/conditions.ts';
import type { CacheReader, Controller, ControllerContext } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';

/** Asks the server itself for the version's discovery. `''`: it answered; else what went wrong. Never rejects. */
export type DiscoveryProbe = (apiService: ApiService, signal: AbortSignal) => Promise<string>;

type Condition = NonNullable<NonNullable<ApiService['status']>['conditions']>[number];
export type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

/** `resync`: whoever breaks a network makes no event. */
const RECHECK_MS = 30_000;
/** After the first failure of a server to answer; doubled with each further one, up to the time between checks. */
const FIRST_RETRY_MS = 250;
const SERVICE_INDEX = 'service';
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

export function apiServiceAvailability(probe: DiscoveryProbe): Controller {
  /** By name: how often the server has not answered since it last did, or could. */
  const failures = new Map<string, number>();
  return defineController<ApiService>({
    name: 'apiservice-availability',
    for: apiServices,
    watches: [
      { resource: services, map: ({ metadata }, context) => namesFor(metadata.namespace, metadata.name, context) },
      {
        resource: endpointSlices,
        map: ({ metadata }, context) => namesFor(metadata.namespace, metadata.labels?.[SERVICE_NAME_LABEL], context),
      },
    ],
    indexes: [{ resource: apiServices, name: SERVICE_INDEX, fn: serviceOf }],
    writes: [apiServices],
    workers: 5,
    async reconcile({ name }, context) {
      const apiService = context.lister<ApiService>(apiServices).get('', name);
      if (apiService === undefined) {
        failures.delete(name);
        return undefined;
      }
      const verdict = await judge(apiService, probe, context);
      await report(apiService, verdict, context);
      if (!apiService.spec?.service) return undefined;
      if (verdict.reason !== FAILED) {
        failures.delete(name);
        return { requeueAfterMs: RECHECK_MS };
      }
      const count = failures.get(name) ?? 0;
      failures.set(name, count + 1);
      return { requeueAfterMs: Math.min(RECHECK_MS, FIRST_RETRY_MS * 2 ** count) };
    },
  });
}

function serviceOf(object: ApiObject): string[] {
  const { service } = (object as ApiService).spec ?? {};
  return service ? [`${service.namespace}/${service.name}`] : [];
}

function namesFor(namespace = '', name = '', context: CacheReader): string[] {
  const found = context.byIndex<ApiService>(apiServices, SERVICE_INDEX, `${namespace}/${name}`);
  return found.map(({ metadata }) => metadata.name ?? '');
}

async function judge(
  apiService: ApiService,
  probe: DiscoveryProbe,
  { lister, signal }: ControllerContext,
): Promise<Verdict> {
  const { service: reference } = apiService.spec ?? {};
  if (!reference) return LOCAL;
  const { namespace = '', name = '' } = reference;
  const labelSelector = selectorFromMap({ [SERVICE_NAME_LABEL]: name });
  const problem = endpointProblem(reference, {
    service: lister<Service>(services).get(namespace, name),
    slices: lister<EndpointSlice>(endpointSlices).list({ namespace, labelSelector }),
  });
  if (problem !== undefined) return problem;
  const failure = await probe(apiService, signal);
  signal.throwIfAborted();
  return failure === '' ? PASSED : { status: 'False', reason: FAILED, message: failure };
}

const FAILED = 'FailedDiscoveryCheck';
/** `NewLocalAvailableAPIServiceCondition` */
const LOCAL: Verdict = { status: 'True', reason: 'Local', message: 'Local APIServices are always available' };
const PASSED: Verdict = { status: 'True', reason: 'Passed', message: 'all checks passed' };

/** What can be said without asking the server; undefined when nothing speaks against it. */
export function endpointProblem(
  reference: NonNullable<NonNullable<ApiService['spec']>['service']>,
  { service, slices }: { service: Service | undefined; slices: readonly EndpointSlice[] },
): Verdict | undefined {
  const { port = 443 } = reference;
  const quoted = JSON.stringify(reference.namespace);
  const about = `service/${reference.name} in ${quoted}`;
  const no = (reason: string, message: string): Verdict => ({ status: 'False', reason, message });
  if (service === undefined) return no('ServiceNotFound', `${about} is not present`);
  const { type = 'ClusterIP', ports = [] } = service.spec ?? {};
  if (type !== 'ClusterIP') return undefined;
  const found = ports.find((one) => one.port === port);
  if (found === undefined) return no('ServicePortError', `${about} is not listening on port ${port}`);
  if (slices.length === 0) return no('EndpointsNotFound', `cannot find endpointslices for ${about}`);
  const portName = found.name ?? '';
  if (slices.some((slice) => hasReadyEndpoint(slice, portName))) return undefined;
  const message = `endpointslices for ${about} have no addresses with port name ${JSON.stringify(portName)}`;
  return no('MissingEndpoints', message);
}

function hasReadyEndpoint({ endpoints = [], ports = [] }: EndpointSlice, portName: string): boolean {
  return (
    (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false) &&
    (ports ?? []).some(({ name, port }) => (name ?? '') === portName && port !== undefined)
  );
}

async function report(apiService: ApiService, verdict: Verdict, { client, now }: ControllerContext): Promise<void> {
  const before = apiService.status?.conditions;
  const wanted = { type: 'Available', ...verdict } as Condition;
  const conditions = withCondition(before, wanted as Condition & { lastTransitionTime?: string }, formatTime(now()));
  if (conditions === before) return;
  const status = { ...apiService.status, conditions: [...conditions] };
  await client.update(apiServices, { ...apiService, status } as ApiService, { subresource: 'status' });
}
