/** Tells of changes of the node as events (upstream `pkg/kubelet/nodestatus/setters.go`, `kubelet_node_status.go`). */
import type { Node, NodeStatus } from '../../api/core/v1/node.ts';
import type { EventRecorder } from '../../client/events.ts';

/** Condition → reasons while it is True, and while it is False. */
const REASONS: Readonly<Record<string, readonly [isTrue: string, isFalse: string]>> = {
  MemoryPressure: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
  DiskPressure: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
  PIDPressure: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'],
  Ready: ['NodeReady', 'NodeNotReady'],
};

export class NodeEvents {
  readonly #name: string;
  readonly #recorder: EventRecorder;
  /** The last status told, by condition. */
  readonly #told = new Map<string, string>();
  #isUnschedulable = false;

  constructor(name: string, recorder: EventRecorder) {
    this.#name = name;
    this.#recorder = recorder;
  }

  /** The kubelet has begun; tells nothing else of itself. */
  starting(): void {
    this.#recorder.event(this.#reference(), 'Normal', 'Starting', 'Starting kubelet.');
  }

  /** Tells when the machine is not in the boot that the API knows of. */
  rebooted(known: NodeStatus | undefined, status: NodeStatus): void {
    const before = known?.nodeInfo?.bootID ?? '';
    const bootId = status.nodeInfo?.bootID ?? '';
    if (before === '' || before === bootId) return;
    const message = `Node ${this.#name} has been rebooted, boot id: ${bootId}`;
    this.#recorder.event(this.#reference(), 'Warning', 'Rebooted', message);
  }

  /** Tells of every condition that is not as it was told last; the first time, of all. */
  conditions(status: NodeStatus): void {
    for (const { type, status: value } of status.conditions ?? []) {
      const reasons = REASONS[type];
      if (reasons === undefined || this.#told.get(type) === value) continue;
      this.#told.set(type, value);
      this.#tell(value === 'True' ? reasons[0] : reasons[1]);
    }
  }

  /** Tells when the node has been cordoned or uncordoned. */
  schedulability({ spec }: Node): void {
    const isUnschedulable = spec?.unschedulable === true;
    if (isUnschedulable === this.#isUnschedulable) return;
    this.#isUnschedulable = isUnschedulable;
    this.#tell(isUnschedulable ? 'NodeNotSchedulable' : 'NodeSchedulable');
  }

  #tell(reason: string): void {
    this.#recorder.event(this.#reference(), 'Normal', reason, `Node ${this.#name} status is now: ${reason}`);
  }

  /** Upstream's kubelet names its node by name where a uid belongs, and `kubectl describe node` asks for both. */
  #reference(): Node {
    return { apiVersion: 'v1', kind: 'Node', metadata: { name: this.#name, uid: this.#name }, spec: {} };
  }
}
