/**
 * Updates through `pods/ephemeralcontainers` and `pods/resize` (`pkg/registry/core/pod/strategy.go`
 * `podEphemeralContainersStrategy`, `podResizeStrategy`; `validation.go ValidatePodEphemeralContainersUpdate`,
 * `ValidatePodResize`).
 */
import { deepEqual } from '../../../machinery/equality.ts';
import { fieldPath, forbidden, invalid } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import type { ObjectMeta } from '../../../machinery/meta.ts';
import { tryParseQuantity } from '../../../machinery/quantity.ts';
import { computePodQosClass, podQosClass } from '../qos.ts';
import { isSidecar } from './containers.ts';
import { describeDifference } from './difference.ts';
import { hasPodLevelResources } from './resources.ts';
import type { Container, Pod, ResourceList, ResourceRequirements } from './types.ts';
import { isMirrorPod, validatePodAnnotationsUpdate } from './validate-annotations.ts';
import { validatePodAndSpec } from './validation.ts';

/** How a subresource that takes a whole pod changes a part of it. `prepareForUpdate` mutates `next`. */
export interface PodSubresourceUpdate {
  prepareForUpdate(next: Pod, previous: Pod): void;
  validateUpdate(next: Pod, previous: Pod): FieldError[];
}

const SPEC = fieldPath('spec');
/** A problem of the pod as a whole: upstream gives it an empty field. */
const refused = (detail: string): FieldError[] => [{ ...forbidden(SPEC, detail), field: '' }];

export const ephemeralContainersUpdate: PodSubresourceUpdate = {
  prepareForUpdate(next, previous) {
    const { ephemeralContainers: _before, ...spec } = previous.spec;
    const { ephemeralContainers = [] } = next.spec;
    // An empty list is none: it must not make a change of an update without.
    next.spec = ephemeralContainers.length === 0 ? spec : { ...spec, ephemeralContainers };
    keepStatusAndMetadata(next, previous);
  },
  validateUpdate(next, previous) {
    if (isMirrorPod(previous)) return refused('static pods do not support ephemeral containers');
    const errors = validatePodAndSpec(next);
    errors.push(...validatePodAnnotationsUpdate(next, previous, fieldPath('metadata', 'annotations')));
    const path = SPEC.child('ephemeralContainers');
    const containers = new Map((next.spec.ephemeralContainers ?? []).map((container) => [container.name, container]));
    for (const old of previous.spec.ephemeralContainers ?? []) {
      const container = containers.get(old.name);
      const subject = `existing ephemeral containers ${JSON.stringify(old.name)}`;
      if (container === undefined) errors.push(forbidden(path, `${subject} may not be removed\n`));
      else if (!deepEqual(old, container)) {
        errors.push(forbidden(path, `${subject} may not be changed\n${describeDifference(old, container, old.name)}`));
      }
    }
    return errors;
  },
};

export const resizeUpdate: PodSubresourceUpdate = {
  prepareForUpdate(next, previous) {
    const containers = onlyResources(next.spec.containers ?? [], previous.spec.containers ?? []);
    const initContainers = onlyResources(next.spec.initContainers ?? [], previous.spec.initContainers ?? []);
    // Containers that were added, removed or renamed are left for validation to refuse.
    if (containers === undefined || initContainers === undefined) return;
    next.spec = { ...previous.spec, containers };
    if (initContainers.length > 0) next.spec.initContainers = initContainers;
    keepStatusAndMetadata(next, previous);
  },
  validateUpdate(next, previous) {
    const refusal = unresizable(next, previous);
    if (refusal !== undefined) return refused(refusal);
    const errors = validatePodAndSpec(next);
    if (!hasSameContainers(next, previous)) {
      return [...errors, forbidden(SPEC, 'only cpu and memory resources are mutable')];
    }
    if (podQosClass(previous) !== computePodQosClass(next)) {
      const detail = 'Pod QOS Class may not change as a result of resizing';
      errors.push(invalid(SPEC, next.status?.qosClass ?? '', detail));
    }
    if (!isResizeSupported(previous)) errors.push(forbidden(SPEC, 'Pod running on node without support for resize'));
    errors.push(...validateContainerResizes(next, previous));
    return errors;
  },
};

/** `metav1.ResetObjectMetaForStatus` */
function keepStatusAndMetadata(next: Pod, previous: Pod): void {
  if (previous.status === undefined) delete next.status;
  else next.status = previous.status;
  const kept: readonly (keyof ObjectMeta)[] = ['labels', 'annotations', 'finalizers', 'ownerReferences'];
  for (const field of kept) {
    if (previous.metadata[field] === undefined) delete next.metadata[field];
    else Object.assign(next.metadata, { [field]: previous.metadata[field] });
  }
}

function onlyResources(next: readonly Container[], previous: readonly Container[]): Container[] | undefined {
  if (next.length !== previous.length || next.some(({ name }, i) => name !== previous[i]!.name)) return undefined;
  return previous.map((container, i) => {
    const { resources, resizePolicy } = next[i]!;
    const { resources: _resources, resizePolicy: _policy, ...rest } = container;
    return { ...rest, ...(resources ? { resources } : {}), ...(resizePolicy ? { resizePolicy } : {}) };
  });
}

function unresizable(next: Pod, previous: Pod): string | undefined {
  if (hasPodLevelResources(previous) || hasPodLevelResources(next))
    return 'pods with pod-level resources cannot be resized';
  if (isMirrorPod(previous)) return 'static pods cannot be resized';
  return previous.spec.os?.name === 'windows' ? 'windows pods cannot be resized' : undefined;
}

function hasSameContainers(next: Pod, previous: Pod): boolean {
  return (['containers', 'initContainers'] as const).every((field) => {
    const [after, before] = [next.spec[field] ?? [], previous.spec[field] ?? []];
    return after.length === before.length && after.every(({ name }, i) => name === before[i]!.name);
  });
}

/** A node that can resize reports the resources of running containers. */
function isResizeSupported({ status }: Pod): boolean {
  const running = (status?.containerStatuses ?? []).find(({ state }) => state?.running);
  return running === undefined || running.resources !== undefined;
}

function validateContainerResizes(next: Pod, previous: Pod): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, old] of (previous.spec.initContainers ?? []).entries()) {
    const container = next.spec.initContainers![i]!;
    if (isSidecar(old)) {
      errors.push(...validateContainerResize(container, old, SPEC.child('initContainers').index(i).child('resources')));
      const detail = 'only cpu and memory resources for sidecar containers are mutable';
      if (!isSameButCpuAndMemory(container, old)) errors.push(forbidden(SPEC, detail));
    } else if (!deepEqual(container, old)) {
      errors.push(forbidden(SPEC, 'resources for non-sidecar init containers are immutable'));
    }
  }
  for (const [i, old] of (previous.spec.containers ?? []).entries()) {
    const container = next.spec.containers[i]!;
    errors.push(...validateContainerResize(container, old, SPEC.child('containers').index(i).child('resources')));
    if (!isSameButCpuAndMemory(container, old))
      errors.push(forbidden(SPEC, 'only cpu and memory resources are mutable'));
  }
  return errors;
}

/** Nothing may be taken away. */
function validateContainerResize(
  { resources: next }: Container,
  { resources: previous }: Container,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  if (hasRemoved(next?.requests, previous?.requests)) {
    errors.push(forbidden(path.child('requests'), 'resource requests cannot be removed'));
  }
  if (hasRemoved(next?.limits, previous?.limits)) {
    errors.push(forbidden(path.child('limits'), 'resource limits cannot be removed'));
  }
  return errors;
}

function hasRemoved(next: ResourceList = {}, previous: ResourceList = {}): boolean {
  return Object.keys(previous).some((name) => !Object.hasOwn(next, name));
}

function isSameButCpuAndMemory(next: Container, previous: Container): boolean {
  const without = ({ resources, resizePolicy: _policy, ...rest }: Container): unknown => ({
    ...rest,
    resources: { ...resources, requests: others(resources, 'requests'), limits: others(resources, 'limits') },
  });
  return deepEqual(without(next), without(previous)) && deepEqual(next.resizePolicy, previous.resizePolicy);
}

function others(resources: ResourceRequirements | undefined, side: 'requests' | 'limits'): ResourceList {
  const entries = Object.entries(resources?.[side] ?? {}).filter(([name]) => name !== 'cpu' && name !== 'memory');
  return Object.fromEntries(entries.map(([name, text]) => [name, tryParseQuantity(text)?.toString() ?? text]));
}
