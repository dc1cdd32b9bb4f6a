/**
 * Gives running containers what their pod was granted, in place (upstream `kuberuntime_manager.go doPodResizeAction`).
 * Containers that must be restarted for it are not its affair: they start with the new amounts.
 */
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { podCgroup } from '../pods/linux-resources.ts';
import { containerName, runningContainers } from '../pods/runtime-pod.ts';
import type { RuntimePod } from '../pods/runtime-pod.ts';
import type { RuntimeService } from '../runtime.ts';
import type { Allocations } from './allocations.ts';
import { resizableContainers, restartsForResize } from './container-resources.ts';
import { memoryShortage, planResize } from './resize-plan.ts';
import type { ResizeStep } from './resize-plan.ts';

export interface PodResizerOptions {
  runtime: RuntimeService;
  allocations: Allocations;
}

export class PodResizer {
  readonly #options: PodResizerOptions;

  constructor(options: PodResizerOptions) {
    this.#options = options;
  }

  /** `pod` as it was granted. Resolves with what went wrong, if anything did; safe to repeat. */
  async resize(
    pod: Pod,
    { sandboxId, runtimePod }: { sandboxId: string; runtimePod: RuntimePod },
  ): Promise<string | undefined> {
    const { allocations } = this.#options;
    const before = allocations.actual(pod);
    if (before === pod) return undefined;
    const running = containersToUpdate(pod, before, runtimePod);
    try {
      // Memory first: it is the one that may have to wait.
      for (const resource of ['memory', 'cpu'] as const) {
        const steps = planResize({ before, after: pod, running }, resource);
        const problem = resource === 'memory' ? await this.#shortage(steps, runtimePod) : undefined;
        if (problem !== undefined) return problem;
        for (const step of steps) await this.#take(step, pod, sandboxId);
        allocations.actuate(pod, [...running.keys()], resource);
      }
    } catch (error) {
      return (error as Error).message;
    }
    return undefined;
  }

  async #shortage(steps: readonly ResizeStep[], { containers }: RuntimePod): Promise<string | undefined> {
    if (steps.length === 0) return undefined;
    const own = new Set(containers.map(({ id }) => id));
    const stats = (await this.#options.runtime.containerStats()).filter(({ id }) => own.has(id));
    return memoryShortage(steps, new Map(stats.map(({ id, memoryUsageBytes }) => [id, memoryUsageBytes])));
  }

  async #take({ id, resources }: ResizeStep, pod: Pod, sandboxId: string): Promise<void> {
    const { runtime } = this.#options;
    if (id !== undefined) await runtime.updateContainerResources(id, resources);
    else await runtime.updatePodResources({ id: sandboxId, cgroupParent: podCgroup(pod) }, resources);
  }
}

/** Those that run and go on running, by name. */
function containersToUpdate(pod: Pod, before: Pod, runtimePod: RuntimePod): Map<string, string> {
  const actual = new Map(resizableContainers(before).map(({ name, resources }) => [name, resources]));
  const kept = new Set(
    resizableContainers(pod)
      .filter((container) => !restartsForResize(container, actual.get(container.name)))
      .map(({ name }) => name),
  );
  const running = runningContainers(runtimePod).map((info) => [containerName(info), info.id] as const);
  return new Map(running.filter(([name]) => kept.has(name)));
}
