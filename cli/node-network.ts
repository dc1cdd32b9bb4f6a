/** The node's network beside its pods' links: Service rules, node ports on loopback, and the DNS process. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { services } from '../api/core/v1/service.ts';
import { endpointSlices } from '../api/discovery/v1/endpoint-slice.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { realClock } from '../base/clock.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { hostNames } from '../kubelet/native/native-runtime.ts';
import { enableForwarding, openForwarding } from '../proxy/host-network.ts';
import { createLocalhostNodePorts } from '../proxy/localhost-node-port.ts';
import { nftRunner } from '../proxy/nft.ts';
import { startProxier } from '../proxy/proxier.ts';
import { apiServerUser, proxyUser } from './identities.ts';
import { ensure } from './bootstrap.ts';
import { forwardingFolder, removeNetwork } from './host-clean-up.ts';
import type { NodeOptions } from './node-options.ts';
import { packageFolder } from './package-folder.ts';
import { addressInRange, nodeRange } from './ports.ts';

const DNS_OFFSET = 10;

export interface NodeNetwork {
  /** What pods ask for names. */
  dnsAddress: string;
  /** Resolves when no new connection goes to the pod. */
  withoutPod(podIp: string): Promise<void>;
  stop(options: { keepPods: boolean }): Promise<void>;
}

function has(program: string): boolean {
  return ['/usr/sbin', '/sbin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/local/bin'].some((folder) => existsSync(join(folder, program)));
}

/** The native helper gives the bridge the hardware address that its IP address spells (native/README.md). */
function bridgeMac(ip: string): string {
  const hex = ip.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return ['0a', '58', ...hex].join(':');
}

/** The bridge must be there. */
export async function startNodeNetwork(options: NodeOptions): Promise<NodeNetwork> {
  const { controlPlane, settings, folder, log } = options;
  const gateway = addressInRange(settings.podCidr, 1);
  const dnsAddress = addressInRange(settings.serviceCidr, DNS_OFFSET);
  enableForwarding({ clusterId: folder.id, folder: forwardingFolder() });
  await controlPlane.listenOn(gateway);
  await publishDns(options, { dnsAddress, gateway });
  const dns = startDns(options, { gateway, dnsAddress });
  if (!has('nft')) {
    options.note('nft is missing: Services have no addresses that answer (apt-get install nftables)');
    return { dnsAddress, withoutPod: () => Promise.resolve(), stop: ({ keepPods }) => stopAll({ options, dns, keepPods }) };
  }
  const stopping = new AbortController();
  const proxyLog = log.child({ component: 'proxy' });
  const informers = createInformerFactory(controlPlane.clientFor(proxyUser, 'kube-proxy/nocher'), { clock: realClock, log: proxyLog });
  const nodePorts = createLocalhostNodePorts({ clock: realClock, log: proxyLog });
  const nft = nftRunner();
  const { bridge } = hostNames(folder.id);
  for (const problem of await openForwarding({ clusterId: folder.id, bridge, nft })) options.note(problem);
  const proxier = startProxier({
    informers,
    nodeName: settings.nodeName,
    rules: { clusterId: folder.id, clusterCidr: settings.podCidr, podCidr: nodeRange(settings.podCidr), bridge },
    bridge: { ip: gateway, mac: bridgeMac(gateway) },
    clock: realClock,
    log: proxyLog,
    nft,
    onPorts: (ports) => nodePorts.update(ports),
    signal: stopping.signal,
  });
  informers.start(stopping.signal);
  return {
    dnsAddress,
    withoutPod: (podIp) => proxier.syncedWithout(podIp),
    async stop({ keepPods }) {
      stopping.abort();
      await proxier.stopped;
      nodePorts.close();
      await stopAll({ options, dns, keepPods });
    },
  };
}

async function stopAll({ options, dns, keepPods }: { options: NodeOptions; dns: ChildProcess; keepPods: boolean }): Promise<void> {
  const ended = dns.exitCode !== null ? Promise.resolve() : new Promise<void>((resolve) => dns.once('exit', () => resolve()));
  dns.stdin?.end();
  await ended;
  if (!keepPods) await removeNetwork(options.folder.id);
}

/** The Service `kube-dns`, whose one endpoint is the DNS process on the bridge's address. */
async function publishDns({ controlPlane }: NodeOptions, { dnsAddress, gateway }: { dnsAddress: string; gateway: string }): Promise<void> {
  const client = controlPlane.clientFor(apiServerUser, 'kube-apiserver/nocher');
  const metadata = { name: 'kube-dns', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/name': 'CoreDNS' } };
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  ];
  const service = { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: dnsAddress, ports } };
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'kube-dns', namespace: 'kube-system', labels: { 'kubernetes.io/service-name': 'kube-dns' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [gateway], conditions: { ready: true, serving: true, terminating: false } }],
    ports,
  };
  await ensure(client, services, service as ApiObject);
  await ensure(client, endpointSlices, slice as ApiObject);
}

/** A process of its own, so that a busy control plane never delays an answer. It ends with ours. */
function startDns({ folder, controlPlane }: NodeOptions, { gateway, dnsAddress }: { gateway: string; dnsAddress: string }): ChildProcess {
  const config = {
    server: `https://${gateway}:${controlPlane.port}`,
    caFile: folder.file('pki', 'ca.crt'),
    certFile: folder.file('pki', 'kube-proxy.crt'),
    keyFile: folder.file('pki', 'kube-proxy.key'),
    domain: 'cluster.local',
    listen: [{ ip: gateway, port: 53 }],
    ownAddresses: [dnsAddress],
  };
  const output = openSync(folder.file('log', 'dns.log'), 'a', 0o600);
  const child = spawn(process.execPath, [join(packageFolder(), 'dist/bundle/dns.mjs'), JSON.stringify(config)], { stdio: ['pipe', output, output] });
  closeSync(output);
  child.stdin?.on('error', () => undefined);
  return child;
}
