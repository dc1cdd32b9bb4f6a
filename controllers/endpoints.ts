/** Endpoints: the older form of a Service's addresses, for clients that still read it (upstream `pkg/controller/endpoint`). */
import type { Endpoints } from '../api/core/v1/endpoints.ts';
import { endpoints } from '../api/core/v1/endpoints.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { Service } from '../api/core/v1/service.ts';
import { services } from '../api/core/v1/service.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { selectorFromMap } from '../api/machinery/label-selector.ts';
import { isNotFound } from '../api/machinery/errors.ts';
import type { CacheReader } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';
import { servicesSelecting } from './endpoint-slice.ts';
import { truncateSubsets } from './endpoints-capacity.ts';
import { subsetsOf } from './endpoints-subsets.ts';

const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';

export const endpointsController = defineController<Service>({
  name: 'endpoint-controller',
  for: services,
  watches: [
    { resource: pods, map: (pod, context) => servicesSelecting(pod as Pod, context) },
    // What somebody else writes into them stays until something else changes; only those that go are missed.
    { resource: endpoints, isRelevant: () => false, map: keyOfGone },
  ],
  writes: [endpoints],
  workers: 5,
  async reconcile({ namespace, name }, { client, lister }) {
    const service = lister<Service>(services).get(namespace, name);
    const existing = lister<Endpoints>(endpoints).get(namespace, name);
    if (service === undefined) {
      if (existing !== undefined) await client.delete(endpoints, { namespace, name }).catch(ignoreGone);
      return undefined;
    }
    if (service.spec?.selector === undefined || service.spec.type === 'ExternalName') return undefined;
    const selected = lister<Pod>(pods).list({ namespace, labelSelector: selectorFromMap(service.spec.selector) });
    const all = subsetsOf(service, selected);
    const subsets = truncateSubsets(all);
    const isTruncated = subsets !== all;
    const annotations = annotationsOf(existing, isTruncated);
    const headless = service.spec.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {};
    const labels = {
      ...service.metadata.labels,
      ...headless,
      'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
    };
    if (existing === undefined) {
      await client.create<Endpoints>(endpoints, {
        apiVersion: 'v1',
        kind: 'Endpoints',
        metadata: { name, namespace, labels, annotations },
        subsets,
      });
    } else if (
      JSON.stringify(existing.subsets ?? []) !== JSON.stringify(subsets) ||
      JSON.stringify(existing.metadata.labels) !== JSON.stringify(labels) ||
      existing.metadata.annotations?.[OVER_CAPACITY] !== (isTruncated ? 'truncated' : undefined)
    ) {
      await client.update<Endpoints>(endpoints, {
        ...existing,
        metadata: { ...existing.metadata, labels, annotations },
        subsets,
      });
    }
    return undefined;
  },
});

function keyOfGone({ metadata: { namespace = '', name = '', uid } }: ApiObject, { lister }: CacheReader): string[] {
  return lister(endpoints).get(namespace, name)?.metadata.uid === uid ? [] : [`${namespace}/${name}`];
}

function annotationsOf(existing: Endpoints | undefined, isTruncated: boolean): Record<string, string> {
  const { [OVER_CAPACITY]: _, ...others } = existing?.metadata.annotations ?? {};
  return isTruncated ? { ...others, [OVER_CAPACITY]: 'truncated' } : others;
}

function ignoreGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
