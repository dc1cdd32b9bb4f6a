/**
 * Removes what a pod that goes on does not need any more: of each container, instances before the last but one (whose
 * logs `--previous` shows), and old sandboxes that hold none of these (upstream `kuberuntime_gc.go`).
 */
import type { ContainerInfo, RuntimeService } from '../runtime.ts';
import { containerName } from './runtime-pod.ts';
import type { RuntimePod } from './runtime-pod.ts';

const KEPT_INSTANCES = 2;

export interface GarbageCollection {
  runtime: RuntimeService;
  /** Called before a container is removed: once it is gone, nobody knows of its files any more. */
  removeFiles(container: ContainerInfo): Promise<void>;
}

export async function collectGarbage(pod: RuntimePod, { runtime, removeFiles }: GarbageCollection): Promise<void> {
  const surplus = surplusContainers(pod);
  for (const info of surplus) {
    await removeFiles(info);
    await runtime.removeContainer(info.id);
  }
  const gone = new Set(surplus.map(({ id }) => id));
  const inUse = new Set(pod.containers.filter(({ id }) => !gone.has(id)).map(({ podSandboxId }) => podSandboxId));
  for (const { id, state } of pod.sandboxes.slice(1)) {
    if (state === 'notready' && !inUse.has(id)) await runtime.removePodSandbox(id);
  }
}

export function surplusContainers({ containers }: RuntimePod): ContainerInfo[] {
  const seen = new Map<string, number>();
  return containers.filter((info) => {
    const name = containerName(info);
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count > KEPT_INSTANCES && info.state === 'exited';
  });
}
