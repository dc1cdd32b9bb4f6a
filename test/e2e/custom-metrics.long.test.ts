/** Autoscaling by figures that neither pods nor the kubelet have: of an object, and of something outside the cluster. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createCertificateAuthority, issueCertificate } from '../../base/pki.ts';
import { realRandom } from '../../base/random.ts';
import type { Cluster } from './harness.ts';
import { eventually, isRoot, startCluster } from './harness.ts';

const PROGRAM = fileURLToPath(new URL('metrics-adapter.mjs', import.meta.url));
const GROUPS = { 'custom.metrics.k8s.io': 'v1beta2', 'external.metrics.k8s.io': 'v1beta1' };

const listOf = (...items: object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

function adapterObjects({ address, port }: { address: string; port: number }): object[] {
  const metadata = { name: 'adapter', namespace: 'default' };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 443, targetPort: port }] } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'adapter' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [address] }],
      ports: [{ port }],
    },
    ...Object.entries(GROUPS).map(([group, version]) => ({
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: `${version}.${group}` },
      spec: {
        ...{ group, version, service: metadata, insecureSkipTLSVerify: true },
        ...{ groupPriorityMinimum: 100, versionPriority: 100 },
      },
    })),
  ];
}

function scaled(name: string, metric: object): object[] {
  const labels = { app: name };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'registry.example/app:1' }] } },
      },
    },
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
        maxReplicas: 4,
        metrics: [metric],
        behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
      },
    },
  ];
}

const OF_A_SERVICE = {
  type: 'Object',
  object: {
    metric: { name: 'requests-per-second' },
    describedObject: { apiVersion: 'v1', kind: 'Service', name: 'adapter' },
    target: { type: 'Value', value: '10' },
  },
};
const OF_A_QUEUE = {
  type: 'External',
  external: { metric: { name: 'queue-length' }, target: { type: 'AverageValue', averageValue: '10' } },
};

(isRoot ? describe : describe.skip)('[W10] [A36] autoscaling by the figures of an aggregated server', () => {
  let cluster: Cluster;
  let adapter: ChildProcess;
  let folder: string;
  const tell = (value: string): void => writeFileSync(join(folder, 'value'), value);
  const replicas = (name: string, count: number): Promise<unknown> =>
    eventually(
      `${count} replicas of ${name}`,
      () => cluster.run('get', 'deployment', name, '-o', 'jsonpath={.status.readyReplicas}') === String(count),
      60_000,
    );

  beforeAll(async () => {
    cluster = await startCluster(['--runtime', 'simulated']);
    folder = join(cluster.dataDir, 'adapter');
    mkdirSync(folder);
    const issuance = { nowMs: Date.now(), notAfterMs: Date.now() + 3_600_000, random: realRandom };
    const ca = await createCertificateAuthority({ commonName: 'adapter-ca', ...issuance });
    const leaf = await issueCertificate({
      ...{ commonName: 'adapter', dnsNames: ['adapter'], ca, usages: ['server'] },
      ...issuance,
    });
    writeFileSync(join(folder, 'tls.crt'), leaf.certificate);
    writeFileSync(join(folder, 'tls.key'), leaf.privateKey);
    tell('30');
    adapter = cluster.spawn(process.execPath, [PROGRAM, folder]);
    const { value } = await createInterface({ input: adapter.stdout! })[Symbol.asyncIterator]().next();
    cluster.apply(
      listOf(...adapterObjects(JSON.parse(value)), ...scaled('web', OF_A_SERVICE), ...scaled('worker', OF_A_QUEUE)),
    );
  });
  afterAll(async () => {
    adapter?.kill();
    await cluster?.stop();
  });

  it('goes up and down with them, and shows them', async () => {
    await replicas('web', 3);
    await replicas('worker', 3);
    await eventually('what they go by', () => {
      const shown = cluster.run('get', 'hpa', '--no-headers');
      return /^web +Deployment\/web +30\/10 +1 +4 +3 /m.test(shown) && /worker +10\/10 \(avg\) +1 +4 +3 /.test(shown);
    });
    tell('1');
    await replicas('web', 1);
    await replicas('worker', 1);
    expect(cluster.run('describe', 'hpa', 'web')).toContain('"requests-per-second" on Service/adapter (target value):');
    expect(cluster.run('get', 'events', '--field-selector=reason=SuccessfulRescale')).toContain(
      'New size: 3; reason: Service metric requests-per-second above target',
    );
  });
});
