/** `apps/v1beta1`, of Kubernetes 1.5 to 1.15: Deployment, StatefulSet and ControllerRevision (`pkg/apis/apps/v1beta1`). */
import { olderVersion } from '../../machinery/older-version.ts';
import { labelsFromTemplate, rollbackConversion } from '../older-defaults.ts';
import { controllerRevisions } from '../v1/controller-revision.ts';
import { deployments } from '../v1/deployment.ts';
import type { DeploymentSpec } from '../v1/deployment.ts';
import { statefulSets } from '../v1/stateful-set.ts';
import type { StatefulSetSpec } from '../v1/stateful-set.ts';

const LIFE = { group: 'apps', version: 'v1beta1', deprecatedIn: '1.8', removedIn: '1.16' };

export const deploymentsV1beta1 = olderVersion(deployments, {
  ...LIFE,
  schema: 'AppsV1beta1Deployment',
  default(deployment) {
    const spec = (deployment.spec ??= {} as DeploymentSpec);
    labelsFromTemplate(deployment);
    spec.revisionHistoryLimit ??= 2;
  },
  convert: rollbackConversion,
  strategy: {
    // The selector may change.
    validateUpdate: (next) => deployments.strategy.validate!(next),
    orphansDependents: {},
  },
});

export const statefulSetsV1beta1 = olderVersion(statefulSets, {
  ...LIFE,
  schema: 'AppsV1beta1StatefulSet',
  default(statefulSet) {
    const spec = (statefulSet.spec ??= {} as StatefulSetSpec);
    labelsFromTemplate(statefulSet);
    const strategy = (spec.updateStrategy ??= {});
    strategy.type ||= 'OnDelete';
  },
  strategy: { orphansDependents: {} },
});

export const controllerRevisionsV1beta1 = olderVersion(controllerRevisions, {
  ...LIFE,
  schema: 'AppsV1beta1ControllerRevision',
});
