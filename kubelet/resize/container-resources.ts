/**
 * What can be changed of a running container, and what a change of it takes (upstream
 * `kuberuntime_manager.go computePodResizeAction`): pure.
 */
import { isSidecar } from '../../api/core/v1/pod/containers.ts';
import { amountOf } from '../../api/core/v1/pod/resources.ts';
import type { AnyContainer, Container, Pod, ResourceRequirements } from '../../api/core/v1/pod/types.ts';

export const RESIZABLE = ['cpu', 'memory'] as const;
export type Resizable = (typeof RESIZABLE)[number];

const SIDES = ['requests', 'limits'] as const;

/** `IsResizableContainer`: regular containers and sidecars. */
export function resizableContainers({ spec }: Pod): Container[] {
  return [...(spec.initContainers ?? []).filter(isSidecar), ...spec.containers];
}

/** Whether both ask for as much of this, in whatever spelling. */
export function isSameAmount(
  a: ResourceRequirements | undefined,
  b: ResourceRequirements | undefined,
  name: Resizable,
): boolean {
  return SIDES.every((side) => amountOf(a?.[side], name).cmp(amountOf(b?.[side], name)) === 0);
}

export function isSameResources(a: ResourceRequirements | undefined, b: ResourceRequirements | undefined): boolean {
  return RESIZABLE.every((name) => isSameAmount(a, b, name));
}

/** `base` with this one resource as in `other`. */
export function withResource(
  base: ResourceRequirements | undefined,
  other: ResourceRequirements | undefined,
  name: Resizable,
): ResourceRequirements {
  const result: ResourceRequirements = { ...base };
  for (const side of SIDES) {
    const amount = other?.[side]?.[name];
    const { [name]: _before, ...rest } = base?.[side] ?? {};
    const list = amount === undefined ? rest : { ...rest, [name]: amount };
    if (Object.keys(list).length > 0) result[side] = list;
    else delete result[side];
  }
  return result;
}

/**
 * Whether a container that runs with `actual` must be restarted to have what it is to have. A request of memory is
 * written nowhere: its change restarts nothing.
 */
export function restartsForResize(container: AnyContainer, actual: ResourceRequirements | undefined): boolean {
  const { resizePolicy = [], resources } = container as Container;
  return resizePolicy.some(({ resourceName, restartPolicy }) => {
    if (restartPolicy !== 'RestartContainer') return false;
    if (resourceName === 'cpu') return !isSameAmount(resources, actual, 'cpu');
    const [wanted, present] = [resources, actual].map((one) => amountOf(one?.limits, 'memory'));
    return resourceName === 'memory' && wanted!.cmp(present!) !== 0;
  });
}
