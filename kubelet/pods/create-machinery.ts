/** Puts together what the pod workers share. */
import { dirname, join } from 'node:path';
import { nodes } from '../../api/core/v1/node.ts';
import type { Node } from '../../api/core/v1/node.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { PullRecords } from '../images/pull-records.ts';
import { ProbeManager } from '../probes/probe-manager.ts';
import { createProber } from '../probes/prober.ts';
import { StallMonitor } from '../probes/stall-monitor.ts';
import { createAllocationStore, noAllocationStore } from '../resize/allocation-store.ts';
import { Allocations } from '../resize/allocations.ts';
import { PodResizer } from '../resize/pod-resizer.ts';
import type { ImageService, RuntimeService } from '../runtime.ts';
import { StatusManager } from '../status/status-manager.ts';
import { linuxMounter } from '../volumes/host-mounter.ts';
import type { HostMounter } from '../volumes/host-mounter.ts';
import type { PodFolders } from '../volumes/pod-folder.ts';
import { ReferencedObjects } from '../volumes/referenced-objects.ts';
import { TokenManager } from '../volumes/token-manager.ts';
import { VolumeManager } from '../volumes/volume-manager.ts';
import { ContainerStarter } from './container-starter.ts';
import { ImagePuller } from './image-puller.ts';
import { PodAdmission } from './pod-admission.ts';
import { createPodEvents } from './pod-events.ts';
import type { PodEvents } from './pod-events.ts';
import { createPodFiles, noPodFiles } from './pod-files.ts';
import { PodKiller } from './pod-killer.ts';
import type { PodKillerOptions } from './pod-killer.ts';
import type { NodeIdentity, PodMachinery } from './pod-machinery.ts';
import type { PodWorkers } from './pod-workers.ts';
import { RuntimeCache } from './runtime-cache.ts';
import { findContainer } from './runtime-pod.ts';
import { StartBackoff } from './start-backoff.ts';

export interface MachineryOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  runtime: RuntimeService;
  images: ImageService;
  mounter?: HostMounter;
  beforeStop?: PodKillerOptions['beforeStop'];
  /** Of containers that end again and again. Default: 10 s, doubled up to 5 min. */
  crashBackoff?: { initialMs: number; maxMs: number };
  /** How long a pod's status waits for a newer one before it is sent. Default: not at all. */
  statusDelayMs?: number;
  signal: AbortSignal;
}

export interface MachineryParts {
  /** Absent: pods get no files. */
  folders: PodFolders | undefined;
  workers: PodWorkers;
  recorder: EventRecorder;
  memoryCapacityBytes: number;
  services(): readonly Service[];
  node: NodeIdentity;
  /** As the API had it lately. */
  cachedNode(): Node | undefined;
}

const CRASH_BACKOFF = { initialMs: 10_000, maxMs: 300_000 };

export function createMachinery(options: MachineryOptions, parts: MachineryParts): PodMachinery {
  const { client, clock, random, log, runtime, images, signal } = options;
  const common = { client, clock, random, log, signal };
  const { workers, folders } = parts;
  const events = createPodEvents(parts.recorder);
  const poke = (uid: string): void => workers.poke(uid);
  const cache = new RuntimeCache({ runtime, clock, log, onChange: poke });
  const files =
    folders === undefined
      ? noPodFiles
      : createPodFiles(
          folders,
          new VolumeManager({ folders, client, clock, mounter: options.mounter ?? linuxMounter }),
        );
  const records = new PullRecords(folders && join(dirname(folders.folder), 'image-pulls'));
  const puller = new ImagePuller({ images, records, clock, events, signal });
  const allocations = createAllocations(parts, { clock, log, events });
  const machinery: PodMachinery = {
    runtime,
    cache,
    status: new StatusManager({ ...common, delayMs: options.statusDelayMs }),
    probes: new ProbeManager({
      clock,
      events,
      stalls: new StallMonitor(clock),
      probe: createProber(runtime),
      pod: (uid) => workers.get(uid)?.pod,
      container: (uid, name) => findContainer(cache.get(uid), name),
      podIp: (uid) => podIpOf(uid, { cache, workers, node: parts.node }),
      onChange: poke,
    }),
    starter: new ContainerStarter({
      runtime,
      images,
      puller,
      files,
      events,
      clock,
      memoryCapacityBytes: parts.memoryCapacityBytes,
    }),
    killer: new PodKiller({ runtime, clock, events, log, beforeStop: options.beforeStop }),
    puller,
    admission: createAdmission(parts, { client, clock, runtime, events, allocations }),
    allocations,
    resizer: new PodResizer({ runtime, allocations }),
    crashBackoff: new StartBackoff({ clock, ...(options.crashBackoff ?? CRASH_BACKOFF) }),
    files,
    objects: new ReferencedObjects({ ...common, hasVolumes: folders !== undefined, onChange: poke }),
    tokens: new TokenManager({ client, clock }),
    events,
    clock,
    log,
    node: parts.node,
    services: parts.services,
    signal,
  };
  workers.use(machinery);
  return machinery;
}

function createAllocations(
  { folders, workers, node: { allocatable } }: MachineryParts,
  { clock, log, events }: { clock: Clock; log: Logger; events: PodEvents },
): Allocations {
  return new Allocations({
    store: folders === undefined ? noAllocationStore : createAllocationStore(folders),
    clock,
    log,
    events,
    allocatable,
    activePods: () => workers.activePods(),
    onChange: (uid) => workers.poke(uid),
  });
}

function createAdmission(
  { node: { name, allocatable }, cachedNode }: MachineryParts,
  {
    client,
    clock,
    runtime,
    events,
    allocations,
  }: Pick<MachineryOptions, 'client' | 'clock' | 'runtime'> & { events: PodEvents; allocations: Allocations },
): PodAdmission {
  return new PodAdmission({
    nodeName: name,
    allocatable,
    features: runtime.features,
    cachedNode,
    readNode: () => client.get<Node>(nodes, { name }),
    othersThan: (pod) => allocations.othersThan(pod),
    events,
    clock,
  });
}

function podIpOf(
  uid: string,
  { cache, workers, node }: { cache: RuntimeCache; workers: PodWorkers; node: NodeIdentity },
): string {
  if (workers.get(uid)?.pod.spec.hostNetwork === true) return node.ip;
  return cache.get(uid).sandboxes[0]?.ips[0] ?? '';
}
