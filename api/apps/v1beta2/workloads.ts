/** `apps/v1beta2`, of Kubernetes 1.8 to 1.15: all that apps/v1 has, with its defaults (`pkg/apis/apps/v1beta2`). */
import { olderVersion } from '../../machinery/older-version.ts';
import { controllerRevisions } from '../v1/controller-revision.ts';
import { daemonSets } from '../v1/daemon-set.ts';
import { deployments } from '../v1/deployment.ts';
import { replicaSets } from '../v1/replica-set.ts';
import { statefulSets } from '../v1/stateful-set.ts';

const LIFE = { group: 'apps', version: 'v1beta2', deprecatedIn: '1.9', removedIn: '1.16' };
const strategy = { orphansDependents: {} };

export const controllerRevisionsV1beta2 = olderVersion(controllerRevisions, {
  ...LIFE,
  schema: 'AppsV1beta2ControllerRevision',
});
export const daemonSetsV1beta2 = olderVersion(daemonSets, { ...LIFE, schema: 'AppsV1beta2DaemonSet', strategy });
export const deploymentsV1beta2 = olderVersion(deployments, { ...LIFE, schema: 'AppsV1beta2Deployment', strategy });
export const replicaSetsV1beta2 = olderVersion(replicaSets, { ...LIFE, schema: 'AppsV1beta2ReplicaSet', strategy });
export const statefulSetsV1beta2 = olderVersion(statefulSets, { ...LIFE, schema: 'AppsV1beta2StatefulSet', strategy });
