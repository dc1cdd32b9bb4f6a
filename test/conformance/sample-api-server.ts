/** Starts the sample API server beside a cluster and makes everything that leads to it, but for its APIService. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createCertificateAuthority, issueCertificate } from '../../base/pki.ts';
import { realRandom } from '../../base/random.ts';
import type { Conformance } from './conformance.ts';

export interface SampleApiServer {
  /** Base64 of PEM. */
  caBundle: string;
  namespace: string;
  /** Ends its process; its Service stays. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

const PROGRAM = join(fileURLToPath(new URL('.', import.meta.url)), 'sample-api-server.mjs');

/** Its Service is `sample-api` in a namespace of its own; it serves `group`/v1alpha1. */
export async function startSampleApiServer(cluster: Conformance, group: string): Promise<SampleApiServer> {
  const namespace = await cluster.namespace('aggregator');
  const folder = mkdtempSync(join(tmpdir(), 'nocher-sample-'));
  const issuance = { nowMs: Date.now(), notAfterMs: Date.now() + 3_600_000, random: realRandom };
  const ca = await createCertificateAuthority({ commonName: 'e2e-server-cert-ca', ...issuance });
  const dnsNames = [`sample-api.${namespace}.svc`];
  const leaf = await issueCertificate({ commonName: 'sample-api', dnsNames, ca, usages: ['server'], ...issuance });
  const authentication = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';
  const { data } = await cluster.get(authentication);
  writeFileSync(join(folder, 'tls.crt'), leaf.certificate);
  writeFileSync(join(folder, 'tls.key'), leaf.privateKey);
  writeFileSync(join(folder, 'front-proxy-ca.crt'), data['requestheader-client-ca-file']);
  const child = cluster.spawn(process.execPath, [PROGRAM, folder, group]);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = async (): Promise<void> => {
    child.kill();
    await ended;
  };
  const stop = async (): Promise<void> => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await makeService(cluster, namespace, await placeOf(child));
  } catch (error) {
    await stop();
    throw error;
  }
  return { caBundle: Buffer.from(ca.certificate).toString('base64'), namespace, kill, stop };
}

interface Place {
  address: string;
  port: number;
}

async function placeOf({ stdout, stderr }: ChildProcess): Promise<Place> {
  stderr?.resume();
  for await (const line of createInterface({ input: stdout! })) return JSON.parse(line) as Place;
  throw new Error('the sample API server did not start');
}

async function makeService(cluster: Conformance, namespace: string, { address, port }: Place): Promise<void> {
  await cluster.post(`/api/v1/namespaces/${namespace}/services`, {
    metadata: { name: 'sample-api' },
    spec: { ports: [{ protocol: 'TCP', port: 7443, targetPort: port }] },
  });
  await cluster.post(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
    metadata: { name: 'sample-api', labels: { 'kubernetes.io/service-name': 'sample-api' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address] }],
    ports: [{ protocol: 'TCP', port }],
  });
}
