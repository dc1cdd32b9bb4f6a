/**
 * Pods that this node cannot run at all: they fail at once (upstream `pkg/kubelet/lifecycle`, `pkg/kubelet/sysctl`).
 */
import type { Node } from '../../api/core/v1/node.ts';
import type { Pod, PodStatus } from '../../api/core/v1/pod/types.ts';
import type { Clock } from '../../base/clock.ts';
import type { RuntimeFeatures } from '../runtime.ts';
import { refusedPodStatus } from '../status/pod-status.ts';
import { misfitsOf } from './node-fit.ts';
import type { Misfit, RefusalReason } from './node-fit.ts';
import type { PodEvents } from './pod-events.ts';

interface Refusal {
  reason: RefusalReason;
  message: string;
}

export interface PodAdmissionOptions {
  nodeName: string;
  allocatable: Readonly<Record<string, string>>;
  /** Of the node's container runtime. */
  features: RuntimeFeatures;
  /** The node as a cache has it. */
  cachedNode(): Node | undefined;
  /** The node as the API has it. */
  readNode(): Promise<Node>;
  /** Every other pod that holds something of the node, as it is held. */
  othersThan(pod: Pod): Pod[];
  events: PodEvents;
  clock: Clock;
}

/** Nothing for a pod that may run, else the status with which it fails. */
export type Admission = PodStatus | undefined;

export class PodAdmission {
  readonly #options: PodAdmissionOptions;

  constructor(options: PodAdmissionOptions) {
    this.#options = options;
  }

  /**
   * For a pod that is new to the kubelet; says with an event why it is refused. Later only where the API has to be
   * asked: a node's labels may be younger than its cache. Never rejects.
   */
  admit(pod: Pod): Admission | Promise<Admission> {
    const { metadata, status = {} } = pod;
    if (status.phase === 'Failed' && (status.containerStatuses ?? []).length === 0) return status;
    // What has begun was admitted then.
    if (metadata.deletionTimestamp !== undefined || status.startTime !== undefined) return undefined;
    const refusal = refusePod(pod, this.#options.features);
    if (refusal !== undefined) return this.#refuse(pod, refusal);
    const misfits = this.#misfits(pod, this.#options.cachedNode());
    if (misfits.length === 0) return undefined;
    return misfits.every(({ isOfNode }) => isOfNode === true)
      ? this.#lookAgain(pod, misfits[0]!)
      : this.#refuse(pod, misfits[0]!);
  }

  async #lookAgain(pod: Pod, misfit: Misfit): Promise<Admission> {
    try {
      const [still] = this.#misfits(pod, await this.#options.readNode());
      return still === undefined ? undefined : this.#refuse(pod, still);
    } catch {
      return this.#refuse(pod, misfit);
    }
  }

  #misfits(pod: Pod, node: Node | undefined): Misfit[] {
    const { nodeName, allocatable, othersThan } = this.#options;
    return misfitsOf({ pod, others: othersThan(pod), nodeName, allocatable, node });
  }

  #refuse(pod: Pod, { reason, message }: Refusal): PodStatus {
    const { events, clock } = this.#options;
    events.warning(pod, reason, message);
    return refusedPodStatus(pod, { reason, message, nowMs: clock.now() });
  }
}

/** `sysctl.SafeSysctlAllowlist`. */
const SAFE_SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);

/** Undefined for a pod that may run. */
function refusePod({ spec }: Pod, features: RuntimeFeatures): Refusal | undefined {
  for (const { name } of spec.securityContext?.sysctls ?? []) {
    const sysctl = name.replaceAll('/', '.');
    if (!SAFE_SYSCTLS.has(sysctl))
      return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${JSON.stringify(name)} not allowlisted` };
    const isOfNode =
      (spec.hostNetwork === true && sysctl.startsWith('net.')) ||
      (spec.hostIPC === true && sysctl.startsWith('kernel.'));
    if (isOfNode)
      return {
        reason: 'SysctlForbidden',
        message: `forbidden sysctl: ${JSON.stringify(name)} not allowed with host namespaces`,
      };
  }
  if (spec.os !== undefined && spec.os.name !== 'linux') {
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  }
  const policy = spec.securityContext?.supplementalGroupsPolicy;
  if (policy === 'Strict' && !features.supplementalGroupsPolicy) {
    return {
      reason: 'SupplementalGroupsPolicyNotSupported',
      message: 'SupplementalGroupsPolicy=Strict is not supported in this node',
    };
  }
  return undefined;
}
