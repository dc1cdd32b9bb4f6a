/**
 * What makes a pod the nth one of its StatefulSet: name, labels, host name and claims
 * (upstream `pkg/controller/statefulset/stateful_set_utils.go`).
 */
import type { StatefulSet } from '../../api/apps/v1/stateful-set.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import type { Pod, PodTemplateSpec } from '../../api/core/v1/pod.ts';
import { podFromTemplate } from '../pod-control.ts';
import { POD_REVISION_LABEL } from '../controller-history/revisions.ts';
import { statefulSets } from '../../api/apps/v1/stateful-set.ts';

const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name';
const POD_INDEX_LABEL = 'apps.kubernetes.io/pod-index';

const MAX_ORDINAL = 0x7fffffff;

/** The set's name and the ordinal that a name is made of; undefined for any other name. */
export function parsePodName(name: string): { parent: string; ordinal: number } | undefined {
  const match = /^(.*)-([0-9]+)$/s.exec(name);
  if (match === null) return undefined;
  const ordinal = Number(match[2]);
  return ordinal > MAX_ORDINAL ? undefined : { parent: match[1]!, ordinal };
}

export function ordinalOf({ metadata }: Pod): number {
  return parsePodName(metadata.name ?? '')?.ordinal ?? -1;
}

/** By its name alone: the ordinal may be out of the set's range. */
export function isMemberOf(set: StatefulSet, { metadata }: Pod): boolean {
  return parsePodName(metadata.name ?? '')?.parent === set.metadata.name;
}

export function podName({ metadata }: StatefulSet, ordinal: number): string {
  return `${metadata.name}-${ordinal}`;
}

export function startOrdinal({ spec }: StatefulSet): number {
  return spec.ordinals?.start ?? 0;
}

export function replicasOf({ spec }: StatefulSet): number {
  return spec.replicas ?? 1;
}

/** The ordinals that the set wants are `start` up to, not including, this. */
export function endOrdinal(set: StatefulSet): number {
  return startOrdinal(set) + replicasOf(set);
}

export function isInRange(set: StatefulSet, ordinal: number): boolean {
  return ordinal >= startOrdinal(set) && ordinal < endOrdinal(set);
}

export function podRevision({ metadata }: Pod): string {
  return metadata.labels?.[POD_REVISION_LABEL] ?? '';
}

/** `<template>-<set>-<ordinal>` */
export function claimName(set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string {
  return `${template.metadata.name}-${set.metadata.name}-${ordinal}`;
}

export function claimTemplates({ spec }: StatefulSet): PersistentVolumeClaim[] {
  return (spec.volumeClaimTemplates ?? []) as PersistentVolumeClaim[];
}

/** The claims of one pod, as they are to be created: with the template's labels and those of the set's selector. */
export function claimsOf(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  return claimTemplates(set).map((template) => {
    const { status: _, ...claim } = structuredClone(template);
    return {
      ...claim,
      metadata: {
        ...claim.metadata,
        name: claimName(set, template, ordinal),
        namespace: set.metadata.namespace ?? '',
        labels: { ...claim.metadata.labels, ...set.spec.selector.matchLabels },
      },
    };
  });
}

export function hasIdentity(set: StatefulSet, pod: Pod): boolean {
  return isMemberOf(set, pod) && pod.metadata.labels?.[POD_NAME_LABEL] === pod.metadata.name;
}

/** Whether each claim template has its volume, and that is the claim of this ordinal. */
export function hasStorage(set: StatefulSet, pod: Pod): boolean {
  const volumes = new Map((pod.spec.volumes ?? []).map((volume) => [volume.name, volume]));
  return claimTemplates(set).every((template) => {
    const volume = volumes.get(template.metadata.name ?? '');
    return volume?.persistentVolumeClaim?.claimName === claimName(set, template, ordinalOf(pod));
  });
}

/** The pod with name, labels and volumes as they ought to be. Host name and subdomain cannot change. */
export function corrected(set: StatefulSet, pod: Pod): Pod {
  const labels = { ...pod.metadata.labels, ...identityLabels(set, ordinalOf(pod)) };
  const volumes = hasStorage(set, pod) ? pod.spec.volumes : volumesOf(set, pod.spec.volumes, ordinalOf(pod));
  return {
    ...pod,
    metadata: { ...pod.metadata, labels },
    spec: { ...pod.spec, ...(volumes === undefined ? {} : { volumes }) },
  };
}

/** The pod of this ordinal, to be created from a revision's template. */
export function newPod(set: StatefulSet, { template, revision, ordinal }: NewPod): Pod {
  const { metadata, spec } = podFromTemplate(template, set, statefulSets);
  const { generateName: _, ...rest } = metadata;
  const name = podName(set, ordinal);
  const volumes = volumesOf(set, spec.volumes, ordinal);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...rest,
      name,
      labels: { ...rest.labels, ...identityLabels(set, ordinal), [POD_REVISION_LABEL]: revision },
    },
    spec: {
      ...spec,
      hostname: name,
      ...(set.spec.serviceName ? { subdomain: set.spec.serviceName } : {}),
      ...(volumes.length === 0 ? {} : { volumes }),
    },
  };
}

export interface NewPod {
  template: PodTemplateSpec;
  /** The name of the ControllerRevision that the template is of. */
  revision: string;
  ordinal: number;
}

function identityLabels(set: StatefulSet, ordinal: number): Record<string, string> {
  return { [POD_NAME_LABEL]: podName(set, ordinal), [POD_INDEX_LABEL]: String(ordinal) };
}

/** Claims stand before volumes of the same name. */
function volumesOf(set: StatefulSet, others: Pod['spec']['volumes'], ordinal: number): Volumes {
  const claims = claimTemplates(set).map((template) => ({
    name: template.metadata.name!,
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal) },
  }));
  const names = new Set(claims.map(({ name }) => name));
  return [...claims, ...(others ?? []).filter(({ name }) => !names.has(name))];
}

type Volumes = NonNullable<Pod['spec']['volumes']>;
