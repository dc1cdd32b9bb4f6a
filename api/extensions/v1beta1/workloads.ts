/** The workloads of `extensions/v1beta1`, of Kubernetes 1.1 to 1.15 (`pkg/apis/extensions/v1beta1`). */
import { NO_LIMIT, labelsFromTemplate, rollbackConversion, setAnnotations } from '../../apps/older-defaults.ts';
import { daemonSets, validateDaemonSetSpec } from '../../apps/v1/daemon-set.ts';
import type { DaemonSetSpec } from '../../apps/v1/daemon-set.ts';
import { deployments } from '../../apps/v1/deployment.ts';
import type { DeploymentSpec } from '../../apps/v1/deployment.ts';
import { replicaSets } from '../../apps/v1/replica-set.ts';
import {
  TEMPLATE_GENERATION,
  setTemplateGeneration,
  templateGeneration,
} from '../../apps/v1/workload/template-generation.ts';
import type { ApiObject } from '../../machinery/meta.ts';
import { olderVersion } from '../../machinery/older-version.ts';

const LIFE = { group: 'extensions', version: 'v1beta1', deprecatedIn: '1.8', removedIn: '1.16' };

export const deploymentsInExtensions = olderVersion(deployments, {
  ...LIFE,
  schema: 'ExtensionsV1beta1Deployment',
  default(deployment) {
    const spec = (deployment.spec ??= {} as DeploymentSpec);
    labelsFromTemplate(deployment);
    const strategy = (spec.strategy ??= {});
    strategy.type ||= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate')
      strategy.rollingUpdate = { maxUnavailable: 1, maxSurge: 1, ...strategy.rollingUpdate };
    spec.revisionHistoryLimit ??= NO_LIMIT;
    spec.progressDeadlineSeconds ??= NO_LIMIT;
  },
  convert: rollbackConversion,
  strategy: {
    // The selector may change, here and below.
    validateUpdate: (next) => deployments.strategy.validate!(next),
    orphansDependents: {},
  },
});

export const replicaSetsInExtensions = olderVersion(replicaSets, {
  ...LIFE,
  schema: 'ExtensionsV1beta1ReplicaSet',
  default: labelsFromTemplate,
  strategy: { validateUpdate: (next) => replicaSets.strategy.validate!(next), orphansDependents: {} },
});

type Numbered = ApiObject & { spec?: { templateGeneration?: number } };

export const daemonSetsInExtensions = olderVersion(daemonSets, {
  ...LIFE,
  schema: 'ExtensionsV1beta1DaemonSet',
  default(daemonSet) {
    const spec = (daemonSet.spec ??= {} as DaemonSetSpec);
    labelsFromTemplate(daemonSet);
    const strategy = (spec.updateStrategy ??= {});
    strategy.type ||= 'OnDelete';
  },
  convert: {
    toStored(object) {
      const { spec } = object as Numbered;
      if (spec?.templateGeneration !== undefined) setTemplateGeneration(object, spec.templateGeneration);
      delete spec?.templateGeneration;
    },
    fromStored(object) {
      const { spec } = object as Numbered;
      const { [TEMPLATE_GENERATION]: number, ...annotations } = object.metadata.annotations ?? {};
      if (number === undefined || spec === undefined) return;
      spec.templateGeneration = templateGeneration(object);
      setAnnotations(object.metadata, annotations);
    },
  },
  strategy: { validateUpdate: ({ spec }) => validateDaemonSetSpec(spec), orphansDependents: {} },
});
