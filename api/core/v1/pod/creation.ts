/** What the server makes of a new pod (`pkg/registry/core/pod/strategy.go PrepareForCreate`). */
import type { V1PodAffinityTerm } from '@kubernetes/client-node';
import type { LabelSelector } from '../../../machinery/meta.ts';
import { computePodQosClass } from '../qos.ts';
import { allContainers } from './containers.ts';
import type { Pod, SecurityContext } from './types.ts';
import { APPARMOR_CONTAINER_PREFIX } from './validate-annotations.ts';

/** A pod begins Pending, with its QoS class; keys to match become values; old AppArmor annotations become fields. */
export function preparePodForCreate(pod: Pod, nowMs: number): void {
  pod.metadata.generation = 1;
  pod.status = { phase: 'Pending' };
  pod.status.qosClass = computePodQosClass(pod);
  if (pod.spec.schedulingGates?.length) {
    pod.status.conditions = [
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'SchedulingGated',
        message: 'Scheduling is blocked due to non-empty scheduling gates',
        lastTransitionTime: new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, 'Z'),
      },
    ];
  }
  mergeLabelKeys(pod);
  copyAppArmorAnnotations(pod);
}

/** `matchLabelKeys` and `mismatchLabelKeys` take the pod's own values, once, at creation. */
function mergeLabelKeys({ spec, metadata: { labels = {} } }: Pod): void {
  const merge = (term: Pick<V1PodAffinityTerm, 'labelSelector' | 'matchLabelKeys' | 'mismatchLabelKeys'>): void => {
    if (!term.labelSelector) return;
    addRequirements(term.labelSelector, { keys: term.matchLabelKeys, operator: 'In', labels });
    addRequirements(term.labelSelector, { keys: term.mismatchLabelKeys, operator: 'NotIn', labels });
  };
  for (const affinity of [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity]) {
    for (const { podAffinityTerm } of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
      merge(podAffinityTerm ?? {});
    for (const term of affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) merge(term);
  }
  for (const constraint of spec.topologySpreadConstraints ?? []) merge(constraint);
}

function addRequirements(
  selector: LabelSelector,
  { keys, operator, labels }: { keys: string[] | undefined; operator: string; labels: Record<string, string> },
): void {
  for (const key of keys ?? []) {
    if (!Object.hasOwn(labels, key)) continue;
    (selector.matchExpressions ??= []).push({ key, operator, values: [labels[key]!] });
  }
}

type AppArmorProfile = NonNullable<SecurityContext['appArmorProfile']>;

/** `applyAppArmorVersionSkew` */
function copyAppArmorAnnotations({ spec, metadata: { annotations } }: Pod): void {
  if (!annotations || spec.os?.name === 'windows') return;
  const inherited = spec.securityContext?.appArmorProfile;
  for (const container of allContainers(spec)) {
    const key = `${APPARMOR_CONTAINER_PREFIX}${container.name}`;
    const profile = Object.hasOwn(annotations, key) ? profileOf(annotations[key]!) : undefined;
    if (profile === undefined || container.securityContext?.appArmorProfile) continue;
    if (inherited?.type === profile.type && inherited.localhostProfile === profile.localhostProfile) continue;
    container.securityContext = { ...container.securityContext, appArmorProfile: profile };
  }
}

function profileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  const prefix = 'localhost/';
  if (!annotation.startsWith(prefix) || annotation === prefix) return undefined;
  return { type: 'Localhost', localhostProfile: annotation.slice(prefix.length) };
}
