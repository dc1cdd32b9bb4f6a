/** The node's network beside its pods' links: rules of Services and host ports, both on loopback, and DNS. */
import { pods } from '../api/core/v1/pod.ts';
import type { Pod } from '../api/core/v1/pod/types.ts';
import { realClock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { hostNames } from '../kubelet/native/host-names.ts';
import { runNative } from '../kubelet/native/program.ts';
import { enableForwarding, keepForwardingOpen, openForwarding } from '../proxy/host-network.ts';
import { createHealthCheckNodePorts } from '../proxy/health-check-node-port.ts';
import { createLocalhostNodePorts } from '../proxy/localhost-node-port.ts';
import type { NftRunner } from '../proxy/nft.ts';
import { nftRunner } from '../proxy/nft.ts';
import type { Proxier } from '../proxy/proxier.ts';
import { startProxier } from '../proxy/proxier.ts';
import { startUserspaceProxier } from '../proxy/userspace-proxier.ts';
import type { ComponentHealth } from './cluster-health.ts';
import { publishDns, startDns } from './dns-process.ts';
import { forwardingFolder, removeNetwork } from './host-clean-up.ts';
import { nodeUser, proxyUser } from './identities.ts';
import type { NodeOptions } from './node-options.ts';
import { nativeProgram } from './package-folder.ts';
import { addressInRange, gatewayAddress, nodeRange } from './ports.ts';
import { findProgram } from './programs.ts';

const DNS_OFFSET = 10;

export interface NodeNetwork {
  /** What pods ask for names. */
  dnsAddress: string;
  /** Resolves when no new connection goes to the pod. */
  withoutPod(podIp: string): Promise<void>;
  health(): Promise<ComponentHealth[]>;
  stop(options: { keepPods: boolean }): Promise<void>;
}

/** The native helper gives the bridge the hardware address that its IP address spells (native/README.md). */
function bridgeMac(ip: string): string {
  const hex = ip.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return ['0a', '58', ...hex].join(':');
}

/** The bridge must be there. `isOwnNetwork`: pods are on it. */
export async function startNodeNetwork(options: NodeOptions, isOwnNetwork: boolean): Promise<NodeNetwork> {
  const { controlPlane, settings, folder } = options;
  const gateway = gatewayAddress(options.config.runtime, settings);
  const dnsAddress = addressInRange(settings.serviceCidr, DNS_OFFSET);
  forward(options);
  await controlPlane.listenOn(gateway);
  await publishDns(options, { dnsAddress, gateway });
  const dns = startDns(options, { gateway, dnsAddress });
  const services = await startServices(options, isOwnNetwork);
  return {
    // Without rules an answer would come from another address than was asked.
    dnsAddress: services.detail === NFTABLES ? dnsAddress : gateway,
    withoutPod: (podIp) => services.proxier.syncedWithout(podIp),
    async health() {
      const dnsProblem = await dns.problem();
      const { problem } = services.proxier;
      return [
        { name: 'proxy', healthy: problem === undefined, detail: problem ?? services.detail },
        { name: 'DNS', healthy: dnsProblem === undefined, detail: dnsProblem ?? dnsAddress },
      ];
    },
    async stop({ keepPods }) {
      await services.stop();
      await dns.stop();
      if (!keepPods) await removeNetwork(folder.id);
    },
  };
}

function forward({ folder, note }: NodeOptions): void {
  try {
    enableForwarding({ clusterId: folder.id, folder: forwardingFolder() });
  } catch (error) {
    note(
      `this machine does not forward packets (${(error as Error).message}): pods reach nothing outside this machine`,
    );
  }
}

const NFTABLES = 'nftables';

interface ServiceProxy {
  proxier: Proxier;
  /** How it is done. */
  detail: string;
  /** Resolves when it no longer changes anything on the host, after its signal aborted. */
  ended: Promise<unknown>;
  stop(): Promise<void>;
}

interface ProxyParts {
  /** Pods are on the cluster's bridge. */
  isOwnNetwork: boolean;
  informers: InformerFactory;
  log: Logger;
  signal: AbortSignal;
}

async function startServices(options: NodeOptions, isOwnNetwork: boolean): Promise<ServiceProxy> {
  const stopping = new AbortController();
  const log = options.log.child({ component: 'proxy' });
  const informers = createInformerFactory(options.controlPlane.clientFor(proxyUser, 'kube-proxy/nocher'), {
    clock: realClock,
    log,
  });
  const parts: ProxyParts = { isOwnNetwork, informers, log, signal: stopping.signal };
  const nft = await usableNft();
  const started =
    typeof nft === 'string' ? startInUserspace(options, parts, nft) : await startWithRules(options, parts, nft);
  informers.start(stopping.signal);
  return {
    ...started,
    async stop() {
      stopping.abort();
      await started.ended;
    },
  };
}

/** nft, or why it is of no use here. */
async function usableNft(): Promise<NftRunner | string> {
  const program = findProgram('nft');
  if (program === undefined) return 'nft is missing (apt-get install nftables)';
  const nft = nftRunner({ program });
  try {
    await nft.listChains();
    return nft;
  } catch (error) {
    return `nft does not work here (${(error as Error).message.split('\n')[0]})`;
  }
}

async function startWithRules(
  options: NodeOptions,
  parts: ProxyParts,
  nft: NftRunner,
): Promise<Omit<ServiceProxy, 'stop'>> {
  const { settings, folder, note, controlPlane } = options;
  const { isOwnNetwork, informers, log, signal } = parts;
  const podGateway = addressInRange(settings.podCidr, 1);
  const { bridge } = hostNames(folder.id);
  const nodePorts = createLocalhostNodePorts({ clock: realClock, log });
  const healthChecks = createHealthCheckNodePorts({ log });
  const forwarding = { clusterId: folder.id, bridge, nft };
  for (const problem of await openForwarding(forwarding)) note(problem);
  const watching = keepForwardingOpen(forwarding, { clock: realClock, log, signal });
  // Host ports are the kubelet's affair, as is the right to see the node's pods.
  const kubelet = createInformerFactory(
    controlPlane.clientFor(nodeUser(settings.nodeName), 'kubelet/nocher (host ports)'),
    { clock: realClock, log },
  );
  const proxier = startProxier({
    informers,
    pods: kubelet.informer<Pod>(pods, { fieldSelector: `spec.nodeName=${settings.nodeName}` }),
    nodeName: settings.nodeName,
    rules: { clusterId: folder.id, clusterCidr: settings.podCidr, podCidr: nodeRange(settings.podCidr), bridge },
    ...(isOwnNetwork ? { bridge: { ip: podGateway, mac: bridgeMac(podGateway) } } : {}),
    clock: realClock,
    log,
    nft,
    onPorts(ports, hostPorts) {
      nodePorts.update(ports, hostPorts);
      healthChecks.update(ports);
    },
    signal,
  });
  kubelet.start(signal);
  void proxier.stopped.finally(() => {
    nodePorts.close();
    healthChecks.close();
  });
  return { proxier, detail: NFTABLES, ended: Promise.all([proxier.stopped, watching]) };
}

function startInUserspace(
  { settings, folder, note }: NodeOptions,
  { informers, log, signal }: ProxyParts,
  reason: string,
): Omit<ServiceProxy, 'stop'> {
  note(`${reason}: Services work more slowly, in user space, and pods reach nothing outside this machine`);
  const { bridge } = hostNames(folder.id);
  const proxier = startUserspaceProxier({
    informers,
    nodeName: settings.nodeName,
    // On the bridge they go with it.
    addAddress: async (ip) =>
      void (await runNative(nativeProgram(), ['bridge', 'ensure', '--name', bridge, '--address', `${ip}/32`])),
    clock: realClock,
    log,
    signal,
  });
  return { proxier, detail: 'in user space (no nftables)', ended: proxier.stopped };
}
