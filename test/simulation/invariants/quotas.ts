/** A quota that is in force is never exceeded, and at rest it says what is used. */
import type { Pod } from '../../../api/core/v1/pod.ts';
import type { ResourceQuota } from '../../../api/core/v1/resource-quota.ts';
import type { ClusterState } from '../state.ts';
import type { Check, Invariant } from './invariant.ts';

/** Quota's name of what is counted, and the kind's. */
const COUNTED = { pods: 'pods', 'count/configmaps': 'configmaps' } as const;

export const quotas: Invariant = ({ cluster, violated }) => {
  const inForce = (namespace: string): ResourceQuota[] =>
    cluster.state
      .all<ResourceQuota>('resourcequotas')
      .filter(({ metadata, status }) => metadata.namespace === namespace && status?.hard !== undefined);
  return {
    onChange({ kind, object, previous }) {
      if (object === undefined || previous !== undefined) return;
      for (const [name, counted] of Object.entries(COUNTED)) {
        if (counted !== kind) continue;
        for (const quota of inForce(object.metadata.namespace!)) {
          const used = usage(counted, quota.metadata.namespace!, cluster.state);
          const hard = Number(quota.status?.hard?.[name] ?? Infinity);
          if (used > hard) violated(`${kind} ${object.metadata.name} is number ${used} under a quota of ${hard}`);
        }
      }
    },
    atRest() {
      for (const { metadata, spec, status } of cluster.state.all<ResourceQuota>('resourcequotas')) {
        for (const [name, kind] of Object.entries(COUNTED)) {
          if (spec?.hard?.[name] === undefined) continue;
          const used = usage(kind, metadata.namespace!, cluster.state);
          if (Number(status?.used?.[name]) !== used)
            violated(`quota ${metadata.name} says that ${status?.used?.[name]} ${kind} are used, not ${used}`);
        }
      }
    },
  } satisfies Check;
};

function usage(kind: string, namespace: string, state: ClusterState): number {
  const found = state.all<Pod>(kind).filter(({ metadata }) => metadata.namespace === namespace);
  if (kind !== 'pods') return found.length;
  return found.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed').length;
}
