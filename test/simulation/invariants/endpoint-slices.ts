/** A Service leads to the pods that it selects and that are ready: of the moment at rest, of late at any time. */
import type { EndpointSlice } from '../../../api/discovery/v1/endpoint-slice.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import type { Service } from '../../../api/core/v1/service.ts';
import type { ClusterState } from '../state.ts';
import { isReady } from '../state.ts';
import type { Invariant } from './invariant.ts';
import { LAG_MS } from './recent.ts';

export const endpointSliceContents: Invariant = ({ cluster, violated }) => {
  /** When a pod ceased to be ready, by uid; those that are ready are not there. */
  const endedMs = new Map<string, number>();
  return {
    onChange({ kind, object, previous }) {
      if (kind === 'pods') {
        const { uid } = (object ?? previous)!.metadata;
        if (object !== undefined && isReady(object as Pod)) endedMs.delete(uid!);
        else if (!endedMs.has(uid!)) endedMs.set(uid!, cluster.time.elapsedMs);
      }
      if (kind !== 'endpointslices' || object === undefined) return;
      for (const { uid, name } of readyTargets(object as EndpointSlice)) {
        const sinceMs = endedMs.get(uid);
        if (sinceMs !== undefined && cluster.time.elapsedMs - sinceMs > LAG_MS)
          violated(`${object.metadata.name} leads to ${name}, which has not been ready for long`);
      }
    },
    atRest() {
      for (const service of cluster.state.all<Service>('services')) {
        const found = targetsOf(service, cluster.state);
        const wanted = wantedTargets(service, cluster.state);
        if (found !== wanted) violated(`service ${service.metadata.name} leads to [${found}], not to [${wanted}]`);
      }
    },
  };
};

function readyTargets({ endpoints }: EndpointSlice): { uid: string; name: string }[] {
  return (endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready === true)
    .map(({ targetRef }) => ({ uid: targetRef?.uid ?? '', name: targetRef?.name ?? '' }));
}

function targetsOf({ metadata }: Service, state: ClusterState): string {
  return state
    .all<EndpointSlice>('endpointslices')
    .filter((slice) => slice.metadata.labels?.['kubernetes.io/service-name'] === metadata.name)
    .filter((slice) => slice.metadata.namespace === metadata.namespace)
    .flatMap((slice) => readyTargets(slice).map(({ name }) => name))
    .sort()
    .join(' ');
}

function wantedTargets({ metadata: { namespace }, spec }: Service, state: ClusterState): string {
  const selector = Object.entries(spec?.selector ?? {});
  if (selector.length === 0) return '';
  return state
    .all<Pod>('pods')
    .filter((pod) => pod.metadata.namespace === namespace && isReady(pod))
    .filter((pod) => selector.every(([name, value]) => pod.metadata.labels?.[name] === value))
    .map((pod) => pod.metadata.name)
    .sort()
    .join(' ');
}
