/**
 * The order in which cgroups get their new limits (upstream `kuberuntime_manager.go doPodResizeAction`): pure. The pod
 * grows before its containers and shrinks after them, and of the containers those that give back come first, so that
 * at no moment a container has more than its pod.
 */
import { amountOf } from '../../api/core/v1/pod/resources.ts';
import type { Container, Pod } from '../../api/core/v1/pod/types.ts';
import { containerResources, podResources } from '../pods/linux-resources.ts';
import type { LinuxResources } from '../runtime.ts';
import { isSameAmount, resizableContainers } from './container-resources.ts';
import type { Resizable } from './container-resources.ts';

export interface ResizeInput {
  /** With what its containers run with. */
  before: Pod;
  /** With what it was granted. */
  after: Pod;
  /** Ids of containers that run and are not to be restarted, by name. */
  running: ReadonlyMap<string, string>;
}

/** One change; without `id` it is the pod's. */
export interface ResizeStep {
  id?: string;
  name?: string;
  resources: LinuxResources;
}

export function planResize(input: ResizeInput, resource: Resizable): ResizeStep[] {
  const [before, after] = [podResources(input.before), podResources(input.after)];
  const containers = containerSteps(input, resource);
  if (resource === 'memory') {
    const step = { resources: { memoryLimitBytes: after.memoryLimitBytes! } };
    return around(containers, [compared(before.memoryLimitBytes, after.memoryLimitBytes, step)]);
  }
  const { cpuPeriodUs, cpuQuotaUs, cpuShares } = after;
  // Limits first when growing and last when shrinking: a request stays within its limit.
  return around(containers, [
    compared(before.cpuQuotaUs, cpuQuotaUs, { resources: { cpuPeriodUs: cpuPeriodUs!, cpuQuotaUs: cpuQuotaUs! } }),
    compared(before.cpuShares, cpuShares, { resources: { cpuShares: cpuShares! } }),
  ]);
}

interface Change {
  direction: number;
  step: ResizeStep;
}

/** No amount is no limit, the largest of all. A limit is never taken away. */
function compared(before: number | undefined, after: number | undefined, step: ResizeStep): Change {
  if (after === undefined) return { direction: 0, step };
  return { direction: Math.sign(after - (before ?? Infinity)), step };
}

function around(containers: readonly ResizeStep[], ofPod: readonly Change[]): ResizeStep[] {
  const growing = ofPod.filter(({ direction }) => direction > 0);
  const shrinking = ofPod.filter(({ direction }) => direction < 0).toReversed();
  return [...growing.map(({ step }) => step), ...containers, ...shrinking.map(({ step }) => step)];
}

function containerSteps({ before, after, running }: ResizeInput, resource: Resizable): ResizeStep[] {
  const previous = new Map(resizableContainers(before).map((container) => [container.name, container]));
  const changes: Change[] = [];
  for (const container of resizableContainers(after)) {
    const old = previous.get(container.name);
    const id = running.get(container.name);
    if (old === undefined || id === undefined || isSameAmount(container.resources, old.resources, resource)) continue;
    const resources = pick(containerResources(after, container, 1), resource);
    // What changes the request of memory alone changes no cgroup.
    const isRequestOnly = limitOrder(old, container, resource) === 0;
    if (resource === 'memory' && isRequestOnly) continue;
    const step = { id, name: container.name, resources };
    changes.push({
      direction: isRequestOnly ? requestOrder(old, container) : limitOrder(old, container, resource),
      step,
    });
  }
  return changes.toSorted((a, b) => a.direction - b.direction).map(({ step }) => step);
}

function limitOrder(old: Container, next: Container, resource: Resizable): number {
  const [was, is] = [amountOf(old.resources?.limits, resource), amountOf(next.resources?.limits, resource)];
  if (was.isZero() !== is.isZero()) return was.isZero() ? -1 : 1;
  return is.cmp(was);
}

function requestOrder(old: Container, next: Container): number {
  return amountOf(next.resources?.requests, 'cpu').cmp(amountOf(old.resources?.requests, 'cpu'));
}

/** Of a container's limits, those that this resource has to do with. */
function pick(limits: LinuxResources, resource: Resizable): LinuxResources {
  const names =
    resource === 'memory' ? (['memoryLimitBytes'] as const) : (['cpuShares', 'cpuPeriodUs', 'cpuQuotaUs'] as const);
  return Object.fromEntries(names.filter((name) => limits[name] !== undefined).map((name) => [name, limits[name]]));
}

/**
 * Why memory may not be taken away now: somebody uses it (upstream `validateMemoryResizeAction`). Undefined when it may.
 */
export function memoryShortage(steps: readonly ResizeStep[], usage: ReadonlyMap<string, number>): string | undefined {
  const problems: string[] = [];
  const podUsage = [...usage.values()].reduce((sum, bytes) => sum + bytes, 0);
  for (const { id, name, resources } of steps) {
    const limit = resources.memoryLimitBytes ?? Infinity;
    const used = id === undefined ? podUsage : (usage.get(id) ?? 0);
    if (used < limit) continue;
    const whose = id === undefined ? 'pod' : `container ${JSON.stringify(name)}`;
    problems.push(`attempting to set ${whose} memory limit (${limit}) below current usage (${used})`);
  }
  if (problems.length === 0) return undefined;
  return `cannot decrease memory limits: ${problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`}`;
}
