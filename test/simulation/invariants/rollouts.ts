/** A blue-green Rollout serves one version at a time: its Service never leads to pods of two. At rest every Rollout has its pods. */
import type { EndpointSlice } from '../../../api/discovery/v1/endpoint-slice.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import { HASH_LABEL } from '../../../controllers/rollout/types.ts';
import type { Rollout } from '../../../controllers/rollout/types.ts';
import { isActive, isReady } from '../state.ts';
import { ACTIVE } from '../workloads/rollouts.ts';
import type { Check, Invariant } from './invariant.ts';

export const blueGreen: Invariant = ({ cluster, violated }) => {
  const versions = new Map<string, string>();
  return {
    onChange({ kind, object }) {
      if (object === undefined) return;
      if (kind === 'pods') versions.set(object.metadata.uid!, object.metadata.labels?.[HASH_LABEL] ?? '');
      if (kind !== 'endpointslices' || object.metadata.labels?.['kubernetes.io/service-name'] !== ACTIVE) return;
      const served = new Set(
        ((object as EndpointSlice).endpoints ?? [])
          .filter(({ conditions }) => conditions?.ready === true)
          .map(({ targetRef }) => versions.get(targetRef?.uid ?? '')),
      );
      // Before the Rollout has taken the Service over, it leads to whatever has the label.
      if (served.size > 1) violated(`the Service of ${ACTIVE} leads to the versions ${[...served].join(' and ')}`);
    },
    atRest() {
      for (const { metadata, spec } of cluster.state.all<Rollout>('rollouts')) {
        const image = spec.template.spec.containers[0]?.image;
        const pods = cluster.state.all<Pod>('pods').filter((pod) => pod.metadata.labels?.['app'] === metadata.name);
        const good = pods.filter((pod) => isActive(pod) && isReady(pod) && pod.spec.containers[0]?.image === image);
        if (good.length !== spec.replicas)
          violated(`Rollout ${metadata.name} of ${spec.replicas} came to rest with ${good.length} of its version`);
      }
    },
  } satisfies Check;
};
