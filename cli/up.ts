/** `nocher up`: starts a cluster step by step and runs it until it is told to stop. */
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { realClock } from '../base/clock.ts';
import { realRandom } from '../base/random.ts';
import type { Storage } from '../apiserver/storage/storage.ts';
import type { SchedulerConfiguration } from '../scheduler/configuration.ts';
import { bootstrap } from './bootstrap.ts';
import { ensureCertificates } from './certificates.ts';
import { publishClusterInfo } from './cluster-info.ts';
import { agreeOnCluster, clusterRecord, readClusterRecord, withRangesOf } from './cluster-record.ts';
import type { ComponentHealth, HealthSources } from './cluster-health.ts';
import { clusterStatus } from './cluster-health.ts';
import type { AskedConfig, Runtime, UpConfig, UpFlags } from './config.ts';
import { hasRealPods, upConfig } from './config.ts';
import type { ControlPlane } from './control-plane.ts';
import { startControlPlane } from './control-plane.ts';
import { serveControlSocket } from './control-socket.ts';
import type { DataFolder } from './data-folder.ts';
import { openDataFolder } from './data-folder.ts';
import { detach } from './detach.ts';
import { runDemo } from './demo.ts';
import { chooseRuntime, lookAtHost } from './host-check.ts';
import { adminUser, apiServerUser, controllerManagerUser, schedulerUser } from './identities.ts';
import { installKubeconfig } from './kubeconfig-install.ts';
import { ensureStorageClasses, startLocalVolumes } from './local-volumes.ts';
import { leadAlways, leadWhenElected } from './leadership.ts';
import type { Led } from './leadership.ts';
import { markProcesses } from './left-processes.ts';
import { createLogger } from './log.ts';
import { startControllers } from './managers.ts';
import type { RunningNode } from './node.ts';
import { startNode } from './node.ts';
import type { NodeOptions } from './node-options.ts';
import { nodeReady } from './node-ready.ts';
import { nextSteps } from './next-steps.ts';
import { installOwnDefinitions } from './own-definitions.ts';
import { packageFolder } from './package-folder.ts';
import { addressInRange, advertisedAddress, gatewayAddress, hostAddresses } from './ports.ts';
import { createProgress } from './progress.ts';
import type { Progress } from './progress.ts';
import { proxyNote } from './proxy-environment.ts';
import { takeSchedulerConfig } from './scheduler-config.ts';
import { startScheduling } from './scheduling.ts';
import { serverExtensions } from './server-extensions.ts';
import { chooseSettings } from './settings.ts';
import type { SimulatedNodes } from './simulated-nodes.ts';
import { nodeIpamOptions, startSimulatedNodes } from './simulated-nodes.ts';
import { openStorage } from './storage.ts';
import { chooseStorage } from './storage-choice.ts';
import type { Task } from './tasks.ts';

export async function up(flags: UpFlags): Promise<void> {
  const config = upConfig(flags);
  const folder = openDataFolder(config.dataDir);
  if (flags['detach'] === true) {
    process.exitCode = await detach(folder);
    return;
  }
  folder.claim();
  markProcesses(folder);
  const log = createLogger({ path: folder.file('log', 'nocher.log'), verbose: config.verbose });
  const progress = createProgress();
  const startedMs = performance.now();
  const stop = stopSignal();
  try {
    const running = await start({ config, folder, progress, log, stop: stop.signal });
    progress.done();
    announce({ folder, running, seconds: (performance.now() - startedMs) / 1000 });
    const installed = running.installDefinitions();
    await stop.requested;
    process.stderr.write('stopping\n');
    await installed;
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
  config: AskedConfig;
  folder: DataFolder;
  progress: Progress;
  log: ReturnType<typeof createLogger>;
  stop: AbortSignal;
}

interface Running {
  runtime: Runtime;
  server: string;
  kubeconfig: string;
  /** Of the example. */
  url: string | undefined;
  /** Once the cluster is ready, so that no start waits for it. Never rejects. */
  installDefinitions(): Promise<void>;
  close(): Promise<void>;
}

async function start({ config: asked, folder, progress, log, stop }: StartOptions): Promise<Running> {
  const startedMs = realClock.monotonicMs();
  const scheduling = takeSchedulerConfig(asked.schedulerConfig, folder);
  progress.step('certificates');
  const { runtime, notes } = chooseRuntime(asked.runtime, await lookAtHost(asked.runtime));
  for (const note of notes) progress.note(note);
  const choice = chooseStorage(asked, folder);
  // A store that others share has the cluster's ranges.
  const shared = choice.storage === 'etcd' ? await openStorage(choice, folder) : undefined;
  const record = shared && (await readClusterRecord(shared));
  const config: UpConfig = { ...withRangesOf(record, asked), ...choice, runtime };
  const settings = await chooseSettings(config, folder);
  const certificates = await ensureCertificates({
    dataDir: folder.path,
    nodeName: settings.nodeName,
    serviceIp: addressInRange(settings.serviceCidr, 1),
    hostIps: [...hostAddresses(), gatewayAddress(runtime, settings)],
    clock: realClock,
    random: realRandom,
  });
  const storage = shared ?? (await openStorage(choice, folder));
  await agreeOnCluster(storage, clusterRecord(certificates.ca.certificate, settings), folder);
  const base: Prepared = { config, folder, settings, certificates, nearby: new Map(), log };
  progress.step('control plane');
  const { controlPlane, server, kubeconfig } = await startServer(base, storage);
  progress.step('controllers and scheduler');
  const stopping = new AbortController();
  // Every informer and controller listens for the end: many listeners are no leak here.
  setMaxListeners(0, stopping.signal, stop);
  const { controllers, scheduler } = startComponents(base, { controlPlane, scheduling, signal: stopping.signal });
  const nodeOptions: NodeOptions = { ...base, controlPlane, note: (text) => progress.note(text) };
  const volumes = startLocalVolumes(nodeOptions, stopping.signal);
  const node = await startRealNode(nodeOptions, progress);
  const simulated = await startFurtherNodes(nodeOptions, progress);
  const client = controlPlane.clientFor(apiServerUser, 'kube-apiserver/nocher (status)');
  const network = async (): Promise<ComponentHealth[]> => (await node?.health()) ?? [];
  const sources: HealthSources = {
    config,
    folder,
    controlPlane,
    server,
    ca: certificates.ca.certificate,
    controllers,
    scheduler,
    client,
    network,
    startedMs,
  };
  const closeSocket = serveControlSocket(folder, { status: () => clusterStatus(sources), images: node?.images });
  const url = await startExample(nodeOptions, { progress, stop });
  const proxied = proxyNote({ server, example: url }, process.env);
  if (proxied !== undefined) progress.note(proxied);
  return {
    runtime,
    server,
    kubeconfig,
    url,
    installDefinitions: () => installDefinitions(controlPlane, log),
    close: () =>
      close({
        closeSocket,
        controlPlane,
        node,
        simulated,
        keepPods: config.keepPods,
        ending: [controllers.ended, scheduler.ended, volumes.ended],
        stopping,
      }),
  };
}

async function installDefinitions(controlPlane: ControlPlane, log: StartOptions['log']): Promise<void> {
  try {
    await installOwnDefinitions(controlPlane.clientFor(apiServerUser, 'kube-apiserver/nocher (definitions)'));
  } catch (error) {
    log.warn('the definitions that come with Nocher could not be installed', { error: String(error) });
  }
}

interface ComponentOptions {
  controlPlane: ControlPlane;
  /** Default: upstream's. */
  scheduling: SchedulerConfiguration | undefined;
  signal: AbortSignal;
}

/** Of several servers of a store, one acts. */
function startComponents(
  { config, settings, folder, certificates, log }: Prepared,
  { controlPlane, scheduling, signal }: ComponentOptions,
): { controllers: Led; scheduler: Led } {
  const controllers = (until: AbortSignal): readonly Task[] =>
    startControllers({
      controlPlane,
      ca: certificates.ca,
      serviceAccountKey: certificates.serviceAccount,
      // Where no pods run, their addresses are nobody's.
      ...(hasRealPods(config.runtime) && { nodeIpam: nodeIpamOptions(settings, config.simulatedNodes) }),
      log,
      signal: until,
    });
  const scheduler = (until: AbortSignal): readonly Task[] => [
    startScheduling({ controlPlane, configuration: scheduling, log, signal: until }),
  ];
  if (controlPlane.storage.isShared !== true)
    return { controllers: leadAlways(controllers, signal), scheduler: leadAlways(scheduler, signal) };
  const election = { identity: `${settings.nodeName}_${folder.id}`, log, signal };
  const managerClient = controlPlane.clientFor(
    controllerManagerUser,
    'kube-controller-manager/nocher (leader-election)',
  );
  const schedulerClient = controlPlane.clientFor(schedulerUser, 'kube-scheduler/nocher (leader-election)');
  return {
    controllers: leadWhenElected(controllers, { ...election, lease: 'kube-controller-manager', client: managerClient }),
    scheduler: leadWhenElected(scheduler, { ...election, lease: 'kube-scheduler', client: schedulerClient }),
  };
}

type Prepared = Omit<NodeOptions, 'controlPlane' | 'note'>;

/** Storage and API server, with what every cluster has in it. */
async function startServer(
  base: Prepared,
  storage: Storage,
): Promise<{ controlPlane: ControlPlane; server: string; kubeconfig: string }> {
  const { config, folder, settings, certificates, nearby, log } = base;
  const { serviceCidr, apiPort } = settings;
  const extend = serverExtensions({ certificates, serviceCidr, nearby, log: log.child({ component: 'apiserver' }) });
  const controlPlane = await startControlPlane({
    config,
    folder,
    storage,
    certificates,
    network: { serviceCidr, apiPort },
    log,
    extend,
  });
  const server = `https://${reachable(config.bindAddress)}:${controlPlane.port}`;
  const kubeconfig = await installKubeconfig({ folder, server, certificates });
  const client = controlPlane.clientFor(apiServerUser, 'kube-apiserver/nocher');
  await bootstrap(client, {
    serviceIp: addressInRange(serviceCidr, 1),
    serviceCidr,
    host: advertisedAddress(config.runtime, settings),
    port: controlPlane.port,
    authorities: { clientCa: certificates.ca.certificate, frontProxyCa: certificates.frontProxyCa.certificate },
  });
  await publishClusterInfo(client, { server, ca: certificates.ca.certificate });
  await ensureStorageClasses(client);
  return { controlPlane, server, kubeconfig };
}

/** Every address is no address to connect to. */
const reachable = (bindAddress: string): string => (bindAddress === '0.0.0.0' ? '127.0.0.1' : bindAddress);

/** The URL that answers; undefined without the example, without real pods, and when it takes too long. */
async function startExample(
  { config, controlPlane }: NodeOptions,
  { progress, stop }: { progress: Progress; stop: AbortSignal },
): Promise<string | undefined> {
  if (!config.demo || config.runtime === 'none') return undefined;
  progress.step('hello example');
  const example = await runDemo(controlPlane.clientFor(adminUser, 'nocher/demo'), {
    folder: join(packageFolder(), 'examples', 'hello'),
    realPods: hasRealPods(config.runtime),
    signal: stop,
  });
  if (example.problem !== undefined) progress.note(example.problem);
  return example.url;
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
  /** What ends once it is told to. */
  ending: readonly Promise<void>[];
  stopping: AbortController;
  closeSocket(): void;
}

async function close({ closeSocket, controlPlane, node, simulated, keepPods, ending, stopping }: Parts): Promise<void> {
  closeSocket();
  await Promise.all([node?.stop({ keepPods }), simulated.stop()]);
  stopping.abort();
  await Promise.all(ending);
  await controlPlane.close();
}

function announce({ folder, running, seconds }: { folder: DataFolder; running: Running; seconds: number }): void {
  const { server, kubeconfig, url } = running;
  process.stdout.write(
    [
      `ready in ${seconds.toFixed(2)} s`,
      `  API server   ${server}`,
      `  kubeconfig   ${kubeconfig}`,
      ...(url === undefined ? [] : [`  example      ${url}`]),
      ...nextSteps({ folder, kubeconfig, hasExample: url !== undefined }).map(
        (line, index) => `  ${index === 0 ? 'next' : '    '}         ${line}`,
      ),
      '',
    ].join('\n'),
  );
  folder.markReady();
}
