/** DefaultTolerationSeconds: pods stay 300 s on a node that is not ready or unreachable, unless they say otherwise. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { AdmissionPlugin } from './admission.ts';

const TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];
const TOLERATION_SECONDS = 300;

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  mutate({ operation, resource, subresource, object }) {
    if (operation !== 'CREATE' || resource.names.plural !== 'pods' || resource.group !== '' || subresource !== '')
      return;
    const { spec } = object as Pod;
    if (spec === undefined) return;
    const tolerations = spec.tolerations ?? [];
    for (const key of TAINTS) {
      const tolerated = tolerations.some(
        (toleration) =>
          ((toleration.key ?? '') === key || (toleration.key ?? '') === '') &&
          ((toleration.effect ?? '') === 'NoExecute' || (toleration.effect ?? '') === ''),
      );
      if (!tolerated)
        (spec.tolerations ??= []).push({
          key,
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: TOLERATION_SECONDS,
        });
    }
  },
};
