/** The node's pods on containerd or CRI-O (`--runtime cri`), and what is written down so that a later `down` finds them. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import type { Logger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import type { CriRuntime } from '../kubelet/cri/cri-runtime.ts';
import { hostNames } from '../kubelet/native/host-names.ts';
import { runNative } from '../kubelet/native/program.ts';
import type { ImageService } from '../kubelet/runtime.ts';
import { UsageError } from './config.ts';
import type { NodeImages } from './control-socket.ts';
import type { DataFolder } from './data-folder.ts';
import { withBuiltImages } from './node-images.ts';
import type { NodeOptions } from './node-options.ts';
import { nativeProgram, packageFolder } from './package-folder.ts';
import { addressInRange, gatewayAddress, nodeRange } from './ports.ts';

export interface CriMachinery {
  runtime: CriRuntime;
  images: ImageService;
  nodeImages: NodeImages;
  /** Pods are on the cluster's own bridge, not on a network of the user's. */
  isOwnNetwork: boolean;
  removeTraces(): void;
  close(): Promise<void>;
}

/** What `down` must know when nobody else does. */
interface CriRecord {
  socket: string;
  /** Of our network configuration. */
  networkPath?: string;
}

const recordPath = (folder: DataFolder): string => folder.file('cri', 'runtime.json');

/** As the kubelet's flag has it, or a plain path. */
export function socketPath(asked: string): string {
  return asked.replace(/^unix:\/\//, '');
}

/** Throws a `UsageError` when no runtime answers. */
export async function openCri(options: NodeOptions): Promise<CriMachinery> {
  const { config, folder, log, note } = options;
  const socket = socketPath(config.criSocket);
  mkdirSync(folder.file('cri'), { recursive: true, mode: 0o700 });
  const runtime = await openRuntime({ socket, folder, log: log.child({ component: 'runtime' }) });
  const networkPath = await prepareNetwork(options, runtime);
  const record: CriRecord = { socket, ...(networkPath === undefined ? {} : { networkPath }) };
  writeFileSync(recordPath(folder), JSON.stringify(record), { mode: 0o600 });
  if (config.registryMirrors.length > 0 || config.insecureRegistries.length > 0)
    note(
      '--registry-mirror and --insecure-registry are not for --runtime cri: it has registries of its own to configure',
    );
  const { createCriImages } = await import('../kubelet/cri/cri-images.ts');
  const images = createCriImages(runtime.client);
  const hello = buildHello(options, { runtime, socket });
  return {
    runtime,
    images: withBuiltImages(images, hello.done),
    nodeImages: nodeImagesOf(images, socket),
    isOwnNetwork: networkPath !== undefined,
    removeTraces: () => forget(folder, record),
    async close() {
      hello.stop();
      await hello.done;
      runtime.close();
    },
  };
}

interface Opening {
  socket: string;
  folder: DataFolder;
  log: Logger;
}

async function openRuntime({ socket, folder, log }: Opening): Promise<CriRuntime> {
  const { openCriClient } = await import('../kubelet/cri/client.ts');
  const { askRuntimeFacts } = await import('../kubelet/cri/runtime-facts.ts');
  const { CriRuntime: Cri } = await import('../kubelet/cri/cri-runtime.ts');
  const client = openCriClient({ socket, clock: realClock });
  try {
    const facts = await askRuntimeFacts(client);
    return await Cri.open({
      client,
      facts,
      clusterId: folder.id,
      folder: folder.file('cri'),
      seccompFolder: folder.file('seccomp'),
      clock: realClock,
      random: realRandom,
      log,
    });
  } catch (error) {
    client.close();
    throw new UsageError(
      `--runtime cri: no container runtime answers on ${socket} (${(error as Error).message}); ` +
        'is containerd running? another socket: --cri-socket',
    );
  }
}

/** The bridge, with the address that pods ask for the API and names; and a network on it, unless there is another. */
async function prepareNetwork(options: NodeOptions, { facts }: CriRuntime): Promise<string | undefined> {
  const { settings, folder, note } = options;
  const { configurePodNetwork, missingPlugins } = await import('../kubelet/cri/network-config.ts');
  const { bridge } = hostNames(folder.id);
  const gateway = addressInRange(settings.podCidr, 1);
  const { path, foreign } = configurePodNetwork({
    confFolder: facts.cniConfFolder,
    clusterId: folder.id,
    bridge,
    podCidr: nodeRange(settings.podCidr),
    gateway,
    addressFolder: folder.file('cri', 'addresses'),
  });
  // Its hardware address follows the first.
  const addresses = path === undefined ? [] : [`${gateway}/24`];
  for (const address of [...addresses, `${gatewayAddress('cri', settings)}/32`])
    await runNative(nativeProgram(), ['bridge', 'ensure', '--name', bridge, '--address', address]);
  if (path === undefined) {
    note(
      `pods get their network from ${foreign[0]} in ${facts.cniConfFolder}: its addresses must lie in --pod-cidr (${settings.podCidr})`,
    );
    return undefined;
  }
  const missing = missingPlugins(facts.cniBinFolder);
  if (missing.length > 0) {
    const names = missing.join(', ');
    note(`pods get no network: ${facts.cniBinFolder} lacks ${names} (apt-get install containernetworking-plugins)`);
  }
  return path;
}

interface HelloBuild {
  done: Promise<unknown>;
  stop(): void;
}

/** In the background: the first pod of the example waits for it as for any image; a start does not. */
function buildHello(
  { folder, log }: NodeOptions,
  { runtime, socket }: { runtime: CriRuntime; socket: string },
): HelloBuild {
  const building = new AbortController();
  const build = async (): Promise<void> => {
    const { buildHelloImages } = await import('../kubelet/images/hello-image.ts');
    const { createImportTarget } = await import('../kubelet/cri/import.ts');
    const store = createImportTarget({
      client: runtime.client,
      socket,
      clock: realClock,
      random: realRandom,
      folder: folder.file('cri', 'images'),
    });
    const sourceFolder = join(packageFolder(), 'examples', 'hello');
    await buildHelloImages({ store, sourceFolder, signal: building.signal });
  };
  const done = build().catch((error: unknown) =>
    log.warn('the hello image could not be made', { error: String(error) }),
  );
  return { done, stop: () => building.abort() };
}

function nodeImagesOf(images: ImageService, socket: string): NodeImages {
  return {
    async list() {
      const found = await images.listImages();
      return found.map(({ repoTags, id, sizeBytes }) => ({ tags: repoTags, id, sizeBytes }));
    },
    async load(path) {
      const { importArchive } = await import('../kubelet/cri/import.ts');
      return importArchive(path, { socket });
    },
    remove: (image) => images.removeImage(image),
  };
}

/** For a cluster that does not run: its pods go, and its network configuration. Says so where the runtime is away. */
export async function removeLeftCriPods(folder: DataFolder): Promise<void> {
  const path = recordPath(folder);
  if (!existsSync(path)) return;
  const record = JSON.parse(readFileSync(path, 'utf8')) as CriRecord;
  try {
    await removePods(folder, record.socket);
  } catch (error) {
    // It may be gone for good: its pods are no reason to keep the cluster.
    process.stderr.write(`nocher: pods may be left in the container runtime: ${(error as Error).message}\n`);
  }
  forget(folder, record);
}

function forget(folder: DataFolder, { networkPath }: CriRecord): void {
  if (networkPath !== undefined) rmSync(networkPath, { force: true });
  rmSync(recordPath(folder), { force: true });
}

async function removePods(folder: DataFolder, socket: string): Promise<void> {
  const runtime = await openRuntime({ socket, folder, log: silentLogger });
  try {
    const pods = await runtime.listPodSandboxes();
    await Promise.all(pods.map(({ id }) => runtime.removePodSandbox(id)));
  } finally {
    runtime.close();
  }
}
