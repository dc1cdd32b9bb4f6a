/** What all pod workers of a node share. */
import type { Service } from '../../api/core/v1/service.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { DnsConfig } from '../env/pod-names.ts';
import type { ProbeManager } from '../probes/probe-manager.ts';
import type { Allocations } from '../resize/allocations.ts';
import type { PodResizer } from '../resize/pod-resizer.ts';
import type { RuntimeService } from '../runtime.ts';
import type { StatusManager } from '../status/status-manager.ts';
import type { ReferencedObjects } from '../volumes/referenced-objects.ts';
import type { TokenManager } from '../volumes/token-manager.ts';
import type { ContainerStarter } from './container-starter.ts';
import type { ImagePuller } from './image-puller.ts';
import type { PodAdmission } from './pod-admission.ts';
import type { PodEvents } from './pod-events.ts';
import type { PodFiles } from './pod-files.ts';
import type { PodKiller } from './pod-killer.ts';
import type { RuntimeCache } from './runtime-cache.ts';
import type { StartBackoff } from './start-backoff.ts';

export interface PodMachinery {
  runtime: RuntimeService;
  cache: RuntimeCache;
  status: StatusManager;
  probes: ProbeManager;
  starter: ContainerStarter;
  killer: PodKiller;
  puller: ImagePuller;
  admission: PodAdmission;
  allocations: Allocations;
  resizer: PodResizer;
  crashBackoff: StartBackoff;
  files: PodFiles;
  objects: ReferencedObjects;
  tokens: TokenManager;
  events: PodEvents;
  clock: Clock;
  log: Logger;
  node: NodeIdentity;
  /** Every Service of the cluster, for environment variables. */
  services(): readonly Service[];
  /** The kubelet stops: workers let go, pods stay. */
  signal: AbortSignal;
}

export interface NodeIdentity {
  name: string;
  ip: string;
  runtimeName: string;
  cluster: { servers: readonly string[]; domain: string };
  /** The node's own `resolv.conf`. */
  dns: DnsConfig;
  /** Quantities by resource name. */
  allocatable: Readonly<Record<string, string>>;
}
