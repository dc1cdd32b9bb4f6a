/** `autoscaling/v2beta2` HorizontalPodAutoscaler, of Kubernetes 1.12 to 1.25: the form of v2. */
import { olderVersion } from '../../machinery/older-version.ts';
import { horizontalPodAutoscalers } from '../v2/horizontal-pod-autoscaler.ts';

export const horizontalPodAutoscalersV2beta2 = olderVersion(horizontalPodAutoscalers, {
  group: 'autoscaling',
  version: 'v2beta2',
  schema: 'AutoscalingV2beta2HorizontalPodAutoscaler',
  deprecatedIn: '1.23',
  removedIn: '1.26',
});
