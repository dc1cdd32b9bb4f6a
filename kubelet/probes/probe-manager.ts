/** The probes of all pods of the node, and their verdicts (upstream `pkg/kubelet/prober/prober_manager.go`). */
import type { AnyContainer, Pod } from '../../api/core/v1/pod/types.ts';
import { containersOfPod } from '../pods/container-kinds.ts';
import type { ProbeVerdicts } from '../pods/container-verdicts.ts';
import type { ContainerReadiness } from '../status/container-status.ts';
import type { ProbeType } from './probe-state.ts';
import { probeOf, ProbeWorker } from './probe-worker.ts';
import type { ProbeContext } from './probe-worker.ts';

const TYPES = ['startup', 'readiness', 'liveness'] as const;

export interface ProbeManagerOptions extends Omit<ProbeContext, 'isStarted' | 'onVerdict'> {
  /** Something that a probe says of this pod has changed. */
  onChange(uid: string): void;
}

export class ProbeManager {
  readonly #context: ProbeContext;
  readonly #workers = new Map<string, ProbeWorker[]>();

  constructor({ onChange, ...options }: ProbeManagerOptions) {
    this.#context = {
      ...options,
      isStarted: (uid, container, containerId) => this.#isStarted(uid, container, containerId),
      onVerdict: (uid, name, type) => {
        if (type === 'startup') this.#pokeContainer(uid, name);
        onChange(uid);
      },
    };
  }

  /** Begins to probe the pod's containers. Repeatable: containers that are new to it get their probes. */
  addPod(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const workers = this.#workers.get(uid) ?? [];
    for (const target of containersOfPod(pod)) {
      if (target.role === 'init' || target.role === 'ephemeral') continue;
      for (const type of TYPES) {
        if (probeOf(target.container, type) === undefined) continue;
        if (workers.some((worker) => worker.type === type && worker.containerName === target.container.name)) continue;
        workers.push(new ProbeWorker({ uid, target, type }, this.#context));
      }
    }
    this.#workers.set(uid, workers);
    for (const worker of workers) worker.poke();
  }

  /** Containers of the pod have started or ended. */
  poke(uid: string): void {
    for (const worker of this.#workers.get(uid) ?? []) worker.poke();
  }

  /** The pod terminates: only its readiness still matters. */
  stopLivenessAndStartup(uid: string): void {
    for (const worker of this.#workers.get(uid) ?? []) if (worker.type !== 'readiness') worker.stop();
  }

  removePod(uid: string): void {
    for (const worker of this.#workers.get(uid) ?? []) worker.stop();
    this.#workers.delete(uid);
  }

  /** For `computePodActions`. */
  verdicts(pod: Pod): ProbeVerdicts {
    const uid = pod.metadata.uid ?? '';
    const hasFailed = (type: ProbeType) => (containerId: string) =>
      (this.#workers.get(uid) ?? []).some(
        (worker) => worker.type === type && worker.stateOf(containerId)?.verdict === 'failure',
      );
    const startupWorkers = (): ProbeWorker[] => (this.#workers.get(uid) ?? []).filter(({ type }) => type === 'startup');
    return {
      livenessFailed: hasFailed('liveness'),
      startupFailed: hasFailed('startup'),
      isStarted: (containerId) => {
        const name = this.#nameOf(uid, pod, containerId);
        const worker = startupWorkers().find(({ containerName }) => containerName === name);
        return worker === undefined || worker.stateOf(containerId)?.verdict === 'success';
      },
    };
  }

  /** For the pod's status. */
  readiness(pod: Pod): ContainerReadiness {
    const uid = pod.metadata.uid ?? '';
    return {
      isStarted: (container, containerId) => this.#isStarted(uid, container, containerId),
      isReady: (container, containerId) =>
        probeOf(container, 'readiness') === undefined ||
        this.#verdictOf(uid, { container, type: 'readiness' }, containerId) === 'success',
    };
  }

  #nameOf(uid: string, pod: Pod, containerId: string): string | undefined {
    return containersOfPod(pod).find(
      ({ container }) => this.#context.container(uid, container.name)?.id === containerId,
    )?.container.name;
  }

  #isStarted(uid: string, container: AnyContainer, containerId: string): boolean {
    return (
      probeOf(container, 'startup') === undefined ||
      this.#verdictOf(uid, { container, type: 'startup' }, containerId) === 'success'
    );
  }

  #verdictOf(
    uid: string,
    { container, type }: { container: AnyContainer; type: ProbeType },
    containerId: string,
  ): string | undefined {
    const workers = this.#workers.get(uid) ?? [];
    const worker = workers.find((one) => one.type === type && one.containerName === container.name);
    return worker?.stateOf(containerId)?.verdict;
  }

  #pokeContainer(uid: string, name: string): void {
    for (const worker of this.#workers.get(uid) ?? []) if (worker.containerName === name) worker.poke(true);
  }
}
