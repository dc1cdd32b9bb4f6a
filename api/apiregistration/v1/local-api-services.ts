/**
 * The APIServices of what this server serves itself (upstream: `cmd/kube-apiserver/app/aggregator.go`,
 * `apiVersionPriorities`; kube-aggregator `pkg/controllers/autoregister`).
 */
import type { ApiService } from './api-service.ts';

/** `autoregister.AutoRegisterManagedLabel`; made when the server starts. */
const MANAGED_LABELS = { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' };

/** Selects them. */
export const MANAGED_ON_START = 'kube-aggregator.kubernetes.io/automanaged=onstart';

/** Group to its priority; a group that is not here is none of upstream's, nor of its metrics-server's. */
const GROUP_PRIORITIES: Readonly<Record<string, number>> = {
  '': 18_000,
  'apiregistration.k8s.io': 18_000,
  apps: 17_800,
  'events.k8s.io': 17_750,
  'authentication.k8s.io': 17_700,
  'authorization.k8s.io': 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  'certificates.k8s.io': 17_300,
  'networking.k8s.io': 17_200,
  extensions: 17_150,
  policy: 17_100,
  'rbac.authorization.k8s.io': 17_000,
  'storage.k8s.io': 16_800,
  'admissionregistration.k8s.io': 16_700,
  'apiextensions.k8s.io': 16_700,
  'scheduling.k8s.io': 16_600,
  'coordination.k8s.io': 16_500,
  'node.k8s.io': 16_300,
  'discovery.k8s.io': 16_200,
  'flowcontrol.apiserver.k8s.io': 16_100,
  'internal.apiserver.k8s.io': 16_000,
  'resource.k8s.io': 15_900,
  // As metrics-server registers it.
  'metrics.k8s.io': 100,
};

/** Versions that upstream ranks in another way than their kind: stable, beta, older beta. */
const VERSION_PRIORITIES: Readonly<Record<string, number>> = {
  '/v1': 1,
  'autoscaling/v2': 30,
  'autoscaling/v2beta2': 1,
  'admissionregistration.k8s.io/v1beta1': 12,
  'discovery.k8s.io/v1beta1': 12,
  'flowcontrol.apiserver.k8s.io/v1': 21,
  'extensions/v1beta1': 1,
  'apps/v1beta1': 1,
  'metrics.k8s.io/v1beta1': 100,
};

/** Low, and all alike: custom groups stand behind the others by name, their versions by their age. */
const CUSTOM_GROUP_PRIORITY = 1000;
const CUSTOM_VERSION_PRIORITY = 100;

/** Of the group in discovery, as its APIServices have it. */
export function groupPriority(group: string): number {
  return Object.hasOwn(GROUP_PRIORITIES, group) ? GROUP_PRIORITIES[group]! : CUSTOM_GROUP_PRIORITY;
}

/** Of the version in its group. */
export function versionPriority(group: string, version: string): number {
  if (!Object.hasOwn(GROUP_PRIORITIES, group)) return CUSTOM_VERSION_PRIORITY;
  return VERSION_PRIORITIES[`${group}/${version}`] ?? (/^v\d+$/.test(version) ? 15 : 9);
}

/** Keeps up with a definition for as long as it has the label. */
const MANAGED = { 'kube-aggregator.kubernetes.io/automanaged': 'true' };

/** Of a version of a group of CustomResourceDefinitions (upstream: `crdregistration_controller.go`). */
export function customApiService(group: string, version: string): ApiService {
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `${version}.${group}`, labels: MANAGED },
    spec: { group, version, groupPriorityMinimum: CUSTOM_GROUP_PRIORITY, versionPriority: CUSTOM_VERSION_PRIORITY },
  };
}

/** `isAutomanaged`, of those that follow definitions. */
export function isManaged({ metadata }: ApiService): boolean {
  return metadata.labels?.['kube-aggregator.kubernetes.io/automanaged'] === 'true';
}

/** One for each version of a group of upstream's that `kinds` name. `apiregistration.k8s.io` has none, as upstream. */
export function localApiServices(kinds: readonly { group: string; version: string }[]): ApiService[] {
  const versions = new Map(kinds.map(({ group, version }) => [`${version}.${group}`, { group, version }]));
  return [...versions].flatMap(([name, { group, version }]) => {
    const groupPriorityMinimum = Object.hasOwn(GROUP_PRIORITIES, group) ? GROUP_PRIORITIES[group] : undefined;
    if (groupPriorityMinimum === undefined || group === 'apiregistration.k8s.io') return [];
    return [
      {
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name, labels: MANAGED_LABELS },
        spec: {
          ...(group === '' ? {} : { group }),
          version,
          groupPriorityMinimum,
          versionPriority: versionPriority(group, version),
        },
      },
    ];
  });
}
