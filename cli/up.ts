/** `nocher up`: starts a cluster step by step and runs it until it is told to stop. */
import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../base/clock.ts';
import { realRandom } from '../base/random.ts';
import { bootstrap } from './bootstrap.ts';
import { ensureCertificates } from './certificates.ts';
import type { UpConfig, UpFlags } from './config.ts';
import { upConfig } from './config.ts';
import type { ControlPlane } from './control-plane.ts';
import { startControlPlane } from './control-plane.ts';
import type { DataFolder, Settings } from './data-folder.ts';
import { openDataFolder } from './data-folder.ts';
import { detach } from './detach.ts';
import { runDemo } from './demo.ts';
import { adminUser, apiServerUser } from './identities.ts';
import { installKubeconfig } from './kubeconfig-install.ts';
import { createLogger } from './log.ts';
import { startControllers } from './managers.ts';
import type { RunningNode } from './node.ts';
import { startNode } from './node.ts';
import type { NodeOptions } from './node-options.ts';
import { nodeReady } from './node-ready.ts';
import { packageFolder } from './package-folder.ts';
import { addressInRange, advertisedAddress, choosePort, chooseRange, hostAddresses } from './ports.ts';
import { createProgress } from './progress.ts';
import type { Progress } from './progress.ts';
import { serverExtensions } from './server-extensions.ts';
import { startScheduling } from './scheduling.ts';
import type { SimulatedNodes } from './simulated-nodes.ts';
import { checkSimulatedNodes, startSimulatedNodes } from './simulated-nodes.ts';

const POD_RANGES = ['10.244.0.0/16', '10.245.0.0/16', '10.246.0.0/16', '10.247.0.0/16'];
const SERVICE_RANGES = ['10.96.0.0/16', '10.97.0.0/16', '10.98.0.0/16', '10.99.0.0/16'];

export async function up(flags: UpFlags): Promise<void> {
  const config = upConfig(flags);
  const folder = openDataFolder(config.dataDir);
  if (flags['detach'] === true) {
    process.exitCode = await detach(folder);
    return;
  }
  folder.claim();
  const log = createLogger({ path: folder.file('log', 'nocher.log'), verbose: config.verbose });
  const progress = createProgress();
  const startedMs = performance.now();
  const stop = stopSignal();
  try {
    const running = await start({ config, folder, progress, log, stop: stop.signal });
    progress.done();
    announce({ folder, running, seconds: (performance.now() - startedMs) / 1000 });
    await stop.requested;
    process.stderr.write('stopping\n');
    await running.close();
  } catch (error) {
    progress.fail();
    throw error;
  } finally {
    folder.release();
    log.flush();
  }
  // Sockets of clients that linger must not keep a stopped cluster's process alive.
  process.exit(process.exitCode ?? 0);
}

/** The first Ctrl-C or SIGTERM asks for an orderly stop, the second ends at once. */
function stopSignal(): { signal: AbortSignal; requested: Promise<void> } {
  const controller = new AbortController();
  const requested = new Promise<void>((resolve) => {
    const onSignal = (): void => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort();
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
  return { signal: controller.signal, requested };
}

interface StartOptions {
  config: UpConfig;
  folder: DataFolder;
  progress: Progress;
  log: ReturnType<typeof createLogger>;
  stop: AbortSignal;
}

interface Running {
  server: string;
  kubeconfig: string;
  /** Of the example. */
  url: string | undefined;
  close(): Promise<void>;
}

async function chooseSettings(config: UpConfig, folder: DataFolder): Promise<Required<Settings>> {
  const remembered = folder.settings();
  const host = config.bindAddress;
  const settings: Required<Settings> = {
    apiPort: await choosePort({ flag: '--api-port', asked: config.apiPort, remembered: remembered.apiPort, preferred: 6443, host }),
    kubeletPort: await choosePort({ flag: '--kubelet-port', asked: config.kubeletPort, remembered: remembered.kubeletPort, preferred: 10250, host }),
    podCidr: chooseRange({ asked: config.podCidr, remembered: remembered.podCidr, preferred: POD_RANGES }),
    serviceCidr: chooseRange({ asked: config.serviceCidr, remembered: remembered.serviceCidr, preferred: SERVICE_RANGES }),
    nodeName: config.nodeName === hostname().toLowerCase() ? (remembered.nodeName ?? config.nodeName) : config.nodeName,
    bindAddress: host,
  };
  checkSimulatedNodes(config.simulatedNodes, settings.podCidr);
  folder.saveSettings(settings);
  return settings;
}

async function start({ config, folder, progress, log, stop }: StartOptions): Promise<Running> {
  progress.step('certificates');
  const settings = await chooseSettings(config, folder);
  const serviceIp = addressInRange(settings.serviceCidr, 1);
  const certificates = await ensureCertificates({
    dataDir: folder.path,
    nodeName: settings.nodeName,
    serviceIp,
    hostIps: [...hostAddresses(), addressInRange(settings.podCidr, 1)],
    clock: realClock,
    random: realRandom,
  });
  progress.step('control plane');
  const network = { serviceCidr: settings.serviceCidr, apiPort: settings.apiPort };
  const controlPlane = await startControlPlane({ config, folder, certificates, network, log, extend: serverExtensions({ certificates, serviceCidr: settings.serviceCidr }) });
  const server = `https://${config.bindAddress}:${controlPlane.port}`;
  const kubeconfig = await installKubeconfig({ folder, server, certificates });
  await bootstrap(controlPlane.clientFor(apiServerUser, 'kube-apiserver/nocher'), {
    serviceIp,
    host: advertisedAddress(config.runtime, settings.podCidr),
    port: controlPlane.port,
  });
  progress.step('controllers and scheduler');
  const stopping = new AbortController();
  // Every informer and controller listens for the end: many listeners are no leak here.
  setMaxListeners(0, stopping.signal, stop);
  const controllers = startControllers({ controlPlane, rootCa: certificates.ca.certificate, log, signal: stopping.signal });
  const scheduler = startScheduling({ controlPlane, log, signal: stopping.signal });
  const nodeOptions = { config, folder, settings, certificates, controlPlane, log, note: (text: string) => progress.note(text) };
  const node = await startRealNode(nodeOptions, progress);
  const simulated = await startFurtherNodes(nodeOptions, progress);
  let url: string | undefined;
  if (config.demo && node !== undefined) {
    progress.step('hello example');
    url = await runDemo(controlPlane.clientFor(adminUser, 'nocher/demo'), join(packageFolder(), 'examples', 'hello'));
  }
  return { server, kubeconfig, url, close: () => close({ controlPlane, node, simulated, keepPods: config.keepPods, running: [controllers, scheduler], stopping }) };
}

/** The node of this machine. */
async function startRealNode(options: NodeOptions, progress: Progress): Promise<RunningNode | undefined> {
  const { config, settings, controlPlane } = options;
  if (config.runtime === 'none') return undefined;
  progress.step(`node ${settings.nodeName}`);
  const node = await startNode(options);
  await nodeReady(controlPlane.clientFor(apiServerUser, 'kube-apiserver/nocher'), settings.nodeName);
  return node;
}

/** Also without any: those of an earlier start must go. */
function startFurtherNodes(options: NodeOptions, progress: Progress): Promise<SimulatedNodes> {
  const { simulatedNodes } = options.config;
  if (simulatedNodes > 0) progress.step(`${simulatedNodes} simulated node${simulatedNodes === 1 ? '' : 's'}`);
  return startSimulatedNodes(simulatedNodes, options);
}

interface Parts {
  controlPlane: ControlPlane;
  node: RunningNode | undefined;
  simulated: SimulatedNodes;
  keepPods: boolean;
  running: Promise<void>[];
  stopping: AbortController;
}

async function close({ controlPlane, node, simulated, keepPods, running, stopping }: Parts): Promise<void> {
  await Promise.all([node?.stop({ keepPods }), simulated.stop()]);
  stopping.abort();
  await Promise.allSettled(running);
  await controlPlane.close();
}

function announce({ folder, running, seconds }: { folder: DataFolder; running: Running; seconds: number }): void {
  process.stdout.write(
    [
      `ready in ${seconds.toFixed(2)} s`,
      `  API server   ${running.server}`,
      `  kubeconfig   ${running.kubeconfig}`,
      ...(running.url === undefined ? [] : [`  example      curl ${running.url}`]),
      `  next         export KUBECONFIG=${running.kubeconfig}; kubectl get nodes`,
      '',
    ].join('\n'),
  );
  folder.markReady();
}
