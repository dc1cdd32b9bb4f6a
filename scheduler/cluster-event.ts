/**
 * What can happen in the cluster that may make a waiting pod schedulable, and what has changed between two states of
 * an object (`pkg/scheduler/framework/events.go`).
 */
import type { Node } from '../api/core/v1/node.ts';
import type { PersistentVolume } from '../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../api/core/v1/persistent-volume-claim.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { podRequests } from '../api/core/v1/pod/resources.ts';
import { deepEqual } from '../api/machinery/equality.ts';
import { ZERO_QUANTITY } from '../api/machinery/quantity.ts';
import type { CsiNode } from '../api/storage/v1/csi-node.ts';
import type { StorageClass } from '../api/storage/v1/storage-class.ts';

export type ClusterEvent =
  | { name: 'NodeAdd' | 'NodeDelete'; node: Node; previous?: undefined }
  | { name: 'NodeUpdateAllocatable' | 'NodeUpdateLabel' | 'NodeUpdateTaint'; node: Node; previous: Node }
  | { name: 'AssignedPodAdd' | 'AssignedPodDelete'; pod: Pod; previous?: undefined }
  | { name: 'AssignedPodUpdateLabel' | 'AssignedPodScaleDown'; pod: Pod; previous: Pod }
  | { name: 'PersistentVolumeClaimAdd'; claim: PersistentVolumeClaim; previous?: undefined }
  | { name: 'PersistentVolumeClaimUpdate'; claim: PersistentVolumeClaim; previous: PersistentVolumeClaim }
  | { name: 'PersistentVolumeAdd'; volume: PersistentVolume; previous?: undefined }
  | { name: 'PersistentVolumeUpdate'; volume: PersistentVolume; previous: PersistentVolume }
  | { name: 'StorageClassAdd'; storageClass: StorageClass; previous?: undefined }
  | { name: 'StorageClassUpdate'; storageClass: StorageClass; previous: StorageClass }
  | { name: 'CSINodeAdd'; csiNode: CsiNode; previous?: undefined }
  | { name: 'CSINodeUpdate'; csiNode: CsiNode; previous: CsiNode }
  /** The waiting pod itself has changed. */
  | { name: PodUpdateName; pod: Pod; previous: Pod };

type PodUpdateName = 'PodUpdateLabel' | 'PodScaleDown' | 'PodUpdateToleration' | 'PodGatesEliminated' | 'PodUpdate';

export type ClusterEventName = ClusterEvent['name'];

/** `NodeSchedulingPropertiesChange`. Making a node schedulable or unschedulable counts as a change of taints. */
export function nodeEvents(previous: Node, node: Node): ClusterEvent[] {
  const events: ClusterEvent[] = [];
  if (!deepEqual(previous.status?.allocatable, node.status?.allocatable)) {
    events.push({ name: 'NodeUpdateAllocatable', node, previous });
  }
  if (!deepEqual(previous.metadata.labels, node.metadata.labels)) {
    events.push({ name: 'NodeUpdateLabel', node, previous });
  }
  const cordonChanged = (previous.spec.unschedulable === true) !== (node.spec.unschedulable === true);
  if (cordonChanged || !deepEqual(previous.spec.taints, node.spec.taints)) {
    events.push({ name: 'NodeUpdateTaint', node, previous });
  }
  return events;
}

/** Changes of a pod that has a node, as far as others may gain by them. */
export function assignedPodEvents(previous: Pod, pod: Pod): ClusterEvent[] {
  const events: ClusterEvent[] = [];
  if (!deepEqual(previous.metadata.labels, pod.metadata.labels)) {
    events.push({ name: 'AssignedPodUpdateLabel', pod, previous });
  }
  if (isScaledDown(previous, pod)) events.push({ name: 'AssignedPodScaleDown', pod, previous });
  return events;
}

/** `PodSchedulingPropertiesChange`: changes of a waiting pod that may let it fit. A status alone is none. */
export function waitingPodEvents(previous: Pod, pod: Pod): ClusterEvent[] {
  const names: PodUpdateName[] = [];
  const before = previous.spec;
  const after = pod.spec;
  if (!deepEqual(previous.metadata.labels, pod.metadata.labels)) names.push('PodUpdateLabel');
  if (isScaledDown(previous, pod)) names.push('PodScaleDown');
  if (!deepEqual(before.tolerations, after.tolerations)) names.push('PodUpdateToleration');
  if ((before.schedulingGates?.length ?? 0) > 0 && (after.schedulingGates?.length ?? 0) === 0) {
    names.push('PodGatesEliminated');
  }
  if (names.length === 0 && !deepEqual(before, after)) names.push('PodUpdate');
  return names.map((name) => ({ name, pod, previous }));
}

/** Whether the pod asks for less of anything than before. */
function isScaledDown(previous: Pod, pod: Pod): boolean {
  if (previous.spec === pod.spec && previous.status === pod.status) return false;
  if (hasSameResources(previous, pod)) return false;
  const now = podRequests(pod, { useStatusResources: true });
  for (const [name, before] of podRequests(previous, { useStatusResources: true })) {
    if ((now.get(name) ?? ZERO_QUANTITY).cmp(before) < 0) return true;
  }
  return false;
}

/** Cheap, for the many updates of a pod's status that have nothing to do with resources. */
function hasSameResources(previous: Pod, pod: Pod): boolean {
  const resourcesOf = ({ spec, status }: Pod): unknown => [
    spec.resources,
    spec.containers?.map(({ resources }) => resources),
    spec.initContainers?.map(({ resources }) => resources),
    status?.containerStatuses?.map(({ resources, allocatedResources }) => [resources, allocatedResources]),
    status?.initContainerStatuses?.map(({ resources, allocatedResources }) => [resources, allocatedResources]),
  ];
  return deepEqual(resourcesOf(previous), resourcesOf(pod));
}
