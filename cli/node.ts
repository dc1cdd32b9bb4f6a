/** One node: runtime, images, kubelet, Service rules and DNS, put together for this machine. */
import { join } from 'node:path';
import { events } from '../api/core/v1/event.ts';
import { GIT_VERSION } from '../apiserver/version.ts';
import { realClock } from '../base/clock.ts';
import { realRandom } from '../base/random.ts';
import { createEventRecorder } from '../client/events.ts';
import type { NativeRuntime } from '../kubelet/native/native-runtime.ts';
import type { ImageService, RuntimeService } from '../kubelet/runtime.ts';
import type { ComponentHealth } from './cluster-health.ts';
import { hasRealPods } from './config.ts';
import type { NodeImages } from './control-socket.ts';
import { storedImages } from './control-socket.ts';
import { removeCgroups, unmountBelow } from './host-clean-up.ts';
import { nodeUser } from './identities.ts';
import { openImageStore, registryConfig, withBuiltImages } from './node-images.ts';
import { endLeftProcesses } from './left-processes.ts';
import { startNodeNetwork } from './node-network.ts';
import type { NodeOptions } from './node-options.ts';
import { nativeProgram, packageFolder } from './package-folder.ts';
import { addressInRange, hostAddresses, nodeRange } from './ports.ts';
import { KUBELET_HOST } from './settings.ts';

export interface RunningNode {
  /** Ends the node's pods unless they are to be kept, and what it set up on the host. */
  stop(options: { keepPods: boolean }): Promise<void>;
  /** Of Services and DNS. */
  health(): Promise<ComponentHealth[]>;
  /** The simulated runtime has none. */
  images: NodeImages | undefined;
}

/** Ctrl-C does not wait for grace periods longer than this. */
const STOP_GRACE_SECONDS = 2;

interface Machinery {
  runtime: RuntimeService;
  images: ImageService;
  nodeImages?: NodeImages;
  /** Pods are on the cluster's own bridge. */
  isOwnNetwork: boolean;
  /** When the node's pods are gone: undoes what else it set up. */
  removeTraces?(): void;
  /** Undone in this order's reverse. */
  close(): Promise<void>;
}

export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { folder, settings, certificates, controlPlane, log } = options;
  const machinery = await openMachinery(options);
  const network = hasRealPods(options.config.runtime)
    ? await startNodeNetwork(options, machinery.isOwnNetwork)
    : undefined;
  const stopping = new AbortController();
  const client = controlPlane.clientFor(nodeUser(settings.nodeName), 'kubelet/nocher');
  const own = log.child({ component: 'kubelet' });
  const { startKubelet } = await import('../kubelet/kubelet.ts');
  const kubelet = await startKubelet({
    nodeName: settings.nodeName,
    client,
    clock: realClock,
    random: realRandom,
    log: own,
    events: createEventRecorder({
      client,
      resource: events,
      component: 'kubelet',
      host: settings.nodeName,
      clock: realClock,
      log: own,
    }),
    runtime: machinery.runtime,
    images: machinery.images,
    ...(options.config.runtime === 'simulated' ? {} : { folder: folder.file('pods') }),
    nodeIp: hostAddresses()[0] ?? addressInRange(settings.podCidr, 1),
    podCidr: nodeRange(settings.podCidr),
    kubeletPort: settings.kubeletPort,
    bindAddress: KUBELET_HOST,
    dns: { servers: network === undefined ? [] : [network.dnsAddress], domain: 'cluster.local' },
    version: GIT_VERSION,
    certificate: certificates.kubelet.certificate,
    privateKey: certificates.kubelet.privateKey,
    clientCa: certificates.ca.certificate,
    signal: stopping.signal,
    ...(network === undefined ? {} : { beforeStop: (podIp: string) => network.withoutPod(podIp) }),
  });
  return {
    images: machinery.nodeImages,
    health: async () => (await network?.health()) ?? [],
    async stop({ keepPods }) {
      const problems = new Set<string>();
      // A runtime that is away keeps its pods; everything else is still undone.
      const attempt = (work: Promise<void>): Promise<void> =>
        work.catch((error: unknown) => void problems.add((error as Error).message));
      if (!keepPods) await attempt(kubelet.stopAllPods(STOP_GRACE_SECONDS));
      stopping.abort();
      await kubelet.stopped;
      if (!keepPods) await attempt(removePods(machinery.runtime));
      for (const problem of problems) options.note(`pods are left, until the next start or "down": ${problem}`);
      if (!keepPods && problems.size === 0) machinery.removeTraces?.();
      await network?.stop({ keepPods });
      await machinery.close();
      if (keepPods || !hasRealPods(options.config.runtime)) return;
      await endLeftProcesses(folder);
      unmountBelow(folder.path);
      await removeCgroups(folder.id);
    },
  };
}

async function removePods(runtime: RuntimeService): Promise<void> {
  const sandboxes = await runtime.listPodSandboxes();
  await Promise.all(sandboxes.map(({ id }) => runtime.removePodSandbox(id)));
}

async function openMachinery(options: NodeOptions): Promise<Machinery> {
  if (options.config.runtime === 'simulated') {
    const { createSimulatedRuntime } = await import('../kubelet/simulated/simulated-runtime.ts');
    const { runtime, images } = createSimulatedRuntime({
      clock: realClock,
      random: realRandom,
      podCidr: nodeRange(options.settings.podCidr),
    });
    return { runtime, images, isOwnNetwork: false, close: () => Promise.resolve() };
  }
  if (options.config.runtime === 'cri') return (await import('./node-cri.ts')).openCri(options);
  return openNative(options);
}

async function openNative({ config, folder, settings, log }: NodeOptions): Promise<Machinery> {
  const { NativeRuntime: Native } = await import('../kubelet/native/native-runtime.ts');
  const { createImageService } = await import('../kubelet/images/image-service.ts');
  const { buildHelloImages } = await import('../kubelet/images/hello-image.ts');
  const own = log.child({ component: 'runtime' });
  // The store asks what is in use, the runtime needs the store: until there is a runtime, nothing is.
  const opened: { runtime?: NativeRuntime } = {};
  const inUse = async (): Promise<ReadonlySet<string>> =>
    new Set((await opened.runtime?.listContainers())?.map(({ imageId }) => imageId) ?? []);
  const store = openImageStore(folder, own, inUse);
  const runtime = await Native.open({
    program: nativeProgram(),
    folder: folder.file('sandboxes'),
    clusterId: folder.id,
    podCidr: nodeRange(settings.podCidr),
    images: store,
    clock: realClock,
    random: realRandom,
    log: own,
    version: GIT_VERSION,
    seccompFolder: folder.file('seccomp'),
  });
  opened.runtime = runtime;
  const building = new AbortController();
  // In the background: the first pod of the example waits for it as for any image; a start does not.
  const hello = buildHelloImages({
    store,
    sourceFolder: join(packageFolder(), 'examples', 'hello'),
    signal: building.signal,
  }).catch((error: unknown) => own.warn('the hello image could not be made', { error: String(error) }));
  return {
    runtime,
    nodeImages: storedImages(store),
    isOwnNetwork: true,
    images: withBuiltImages(createImageService({ store, registry: registryConfig(config) }), hello),
    async close() {
      building.abort();
      await hello;
      runtime.close();
      await store.close();
    },
  };
}
