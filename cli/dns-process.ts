/** The cluster's DNS: a process of its own, so that a busy control plane never delays an answer. It ends with ours. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { services } from '../api/core/v1/service.ts';
import { endpointSlices } from '../api/discovery/v1/endpoint-slice.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { realClock, sleep } from '../base/clock.ts';
import { ensure } from './bootstrap.ts';
import { apiServerUser } from './identities.ts';
import type { NodeOptions } from './node-options.ts';
import { packageFolder } from './package-folder.ts';

const DOMAIN = 'cluster.local';
const RESTART_MS = 1_000;
const ANSWER_MS = 1_000;

export interface DnsProcess {
  /** Why it does not answer; undefined when it does. */
  problem(): Promise<string | undefined>;
  stop(): Promise<void>;
}

export interface DnsAddresses {
  /** Where it listens: the bridge's address. */
  gateway: string;
  /** Of the Service `kube-dns`. */
  dnsAddress: string;
}

/** The Service `kube-dns`, whose one endpoint is the DNS process on the bridge's address. */
export async function publishDns({ controlPlane }: NodeOptions, { dnsAddress, gateway }: DnsAddresses): Promise<void> {
  const client = controlPlane.clientFor(apiServerUser, 'kube-apiserver/nocher');
  const metadata = {
    name: 'kube-dns',
    namespace: 'kube-system',
    labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
  };
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

/** Started again when it ends by itself. */
export function startDns(options: NodeOptions, addresses: DnsAddresses): DnsProcess {
  const stopping = new AbortController();
  let child = spawnDns(options, addresses);
  const keep = async (): Promise<void> => {
    for (;;) {
      await ended(child);
      if (stopping.signal.aborted) return;
      options.log.warn('the DNS process has ended; it is started again', {
        code: child.exitCode,
        signal: child.signalCode,
      });
      await sleep(realClock, RESTART_MS, stopping.signal);
      if (stopping.signal.aborted) return;
      child = spawnDns(options, addresses);
    }
  };
  const kept = keep();
  return {
    problem: () => askDns(addresses.gateway),
    async stop() {
      stopping.abort();
      child.stdin?.end();
      await kept;
    },
  };
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    // It could not be started at all.
    child.once('error', () => resolve());
  });
}

async function askDns(server: string): Promise<string | undefined> {
  const resolver = new Resolver({ timeout: ANSWER_MS, tries: 1 });
  resolver.setServers([server]);
  try {
    await resolver.resolve4(`kubernetes.default.svc.${DOMAIN}.`);
    return undefined;
  } catch (error) {
    return `${server} does not answer: ${(error as NodeJS.ErrnoException).code ?? String(error)} (see log/dns.log)`;
  }
}

function spawnDns({ folder, controlPlane }: NodeOptions, { gateway, dnsAddress }: DnsAddresses): ChildProcess {
  const config = {
    server: `https://${gateway}:${controlPlane.port}`,
    caFile: folder.file('pki', 'ca.crt'),
    certFile: folder.file('pki', 'kube-proxy.crt'),
    keyFile: folder.file('pki', 'kube-proxy.key'),
    domain: DOMAIN,
    listen: [{ ip: gateway, port: 53 }],
    ownAddresses: [dnsAddress],
  };
  const output = openSync(folder.file('log', 'dns.log'), 'a', 0o600);
  const child = spawn(process.execPath, [join(packageFolder(), 'dist/bundle/dns.mjs'), JSON.stringify(config)], {
    stdio: ['pipe', output, output],
  });
  closeSync(output);
  child.stdin?.on('error', () => undefined);
  child.on('error', () => undefined);
  return child;
}
