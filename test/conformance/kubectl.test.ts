/** kubectl against pods that really run: upstream's test/e2e/kubectl. Needs root. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { startKubectl } from '../e2e/background.ts';
import type { Json, NamespacedKubectl } from '../e2e/harness.ts';
import { kubectlIn } from '../e2e/harness.ts';
import type { Conformance } from './conformance.ts';
import { eventually, IMAGE, isRoot, startConformance } from './conformance.ts';

const suite = isRoot ? describe : describe.skip;

let cluster: Conformance;
let k: NamespacedKubectl;

beforeAll(async () => {
  if (!isRoot) return;
  cluster = await startConformance([]);
  k = await kubectlIn(cluster, '35', 'cli');
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

const object = (...args: string[]): Json => JSON.parse(k.ok('get', ...args, '-o', 'json'));
const imageOf = (name: string): string => object('pod', name).spec.containers[0].image;
const runPod = (name: string, ...args: string[]): void => {
  k.ok('run', name, `--image=${IMAGE}`, `--labels=run=${name}`, ...args);
  k.ok('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=30s');
};
const SECOND = IMAGE.replace(/:1$/, ':2');

suite('kubectl', () => {
  it('lists the core version [conformance: Kubectl, check version v1]', () => {
    expect(k.ok('api-versions').split('\n')).toContain('v1');
  });

  it('tells where the control plane is [conformance: Kubectl, cluster info]', () => {
    // eslint-disable-next-line no-control-regex -- kubectl colours its answer
    const text = k.ok('cluster-info').replaceAll(/\u001b\[[0-9;]*m/g, '');
    expect(text).toMatch(/^Kubernetes control plane is running at https:\/\/127\.0\.0\.1:\d+$/m);
  });

  it('tells both versions [conformance: Kubectl, version]', () => {
    const { clientVersion, serverVersion } = JSON.parse(k.ok('version', '-o', 'json'));
    for (const version of [clientVersion, serverVersion]) {
      for (const field of [
        'major',
        'minor',
        'gitVersion',
        'gitCommit',
        'gitTreeState',
        'buildDate',
        'goVersion',
        'compiler',
        'platform',
      ])
        expect([field, version[field]]).toEqual([field, expect.stringMatching(/./)]);
    }
  });

  it('shows how a Deployment would change [conformance: Kubectl, diff Deployment]', () => {
    const manifest = (image: string): string =>
      JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'diffed' },
        spec: {
          replicas: 1,
          selector: { matchLabels: { app: 'diffed' } },
          template: { metadata: { labels: { app: 'diffed' } }, spec: { containers: [{ name: 'c', image }] } },
        },
      });
    expect(k.given(manifest(IMAGE), 'create', '-f', '-').code).toBe(0);
    const { code, stdout } = k.given(manifest(SECOND), 'diff', '-f', '-');
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^-\\s+- image: ${IMAGE}$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^\\+\\s+- image: ${SECOND}$`, 'm'));
    k.ok('delete', 'deployment', 'diffed');
  });

  it('sets and removes a label [conformance: Kubectl, label update]', () => {
    runPod('labelled');
    k.ok('label', 'pods', 'labelled', 'testing-label=testing-label-value');
    expect(k.ok('get', 'pod', 'labelled', '-L', 'testing-label')).toContain('testing-label-value');
    expect(k.ok('get', 'pod', '-l', 'testing-label=testing-label-value', '-o', 'name')).toBe('pod/labelled\n');
    k.ok('label', 'pods', 'labelled', 'testing-label-');
    expect(k.ok('get', 'pod', 'labelled', '-L', 'testing-label')).not.toContain('testing-label-value');
    expect(k.ok('get', 'pod', '-l', 'testing-label', '-o', 'name')).toBe('');
  });

  it('replaces a pod, so that its container runs another image [conformance: Kubectl, replace]', async () => {
    runPod('replaced');
    const pod = object('pod', 'replaced');
    pod.spec.containers[0].image = SECOND;
    expect(k.given(JSON.stringify(pod), 'replace', '-f', '-').code).toBe(0);
    expect(imageOf('replaced')).toBe(SECOND);
    await eventually(
      'the new image to run',
      () => object('pod', 'replaced').status.containerStatuses[0].image === SECOND,
    );
  });

  it('runs a pod [conformance: Kubectl, run pod]', () => {
    k.ok('run', 'ran', '--restart=Never', `--image=${IMAGE}`);
    const { spec } = object('pod', 'ran');
    expect(spec.containers.map(({ image }: Json) => image)).toEqual([IMAGE]);
    expect(spec.restartPolicy).toBe('Never');
  });

  it('changes nothing in a dry run [conformance: Kubectl, server-side dry-run Pod]', () => {
    runPod('dry');
    const patch = JSON.stringify({ spec: { containers: [{ name: 'dry', image: SECOND }] } });
    expect(
      k.ok('patch', 'pod', 'dry', '-p', patch, '--dry-run=server', '-o', 'jsonpath={.spec.containers[0].image}'),
    ).toBe(SECOND);
    expect(imageOf('dry')).toBe(IMAGE);
  });

  it('prints logs as asked [conformance: Kubectl, logs]', async () => {
    k.ok(
      'run',
      'logger',
      `--image=${IMAGE}`,
      '--restart=Never',
      '--command',
      '--',
      'sh',
      '-c',
      'for i in 1 2 3 4 5 6 7 8 9 10; do echo "line $i"; done; sleep 3600',
    );
    await eventually('all lines', () => k('logs', 'logger').stdout.includes('line 10\n'));
    expect(k.ok('logs', 'logger', 'logger', '--tail=1')).toBe('line 10\n');
    expect(k.ok('logs', 'logger', 'logger', '--limit-bytes=1')).toBe('l');
    const [time = '', ...rest] = k.ok('logs', 'logger', 'logger', '--tail=1', '--timestamps').trimEnd().split(' ');
    expect(rest.join(' ')).toBe('line 10');
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z$/);
    await eventually(
      'the lines to be older than a second',
      () => k.ok('logs', 'logger', 'logger', '--since=1s') === '',
    );
    expect(k.ok('logs', 'logger', 'logger', '--since=24h').trimEnd().split('\n')).toHaveLength(10);
    k.ok('delete', 'pod', 'logger', '--grace-period=0', '--force');
  });
});

suite('kubectl proxy and get --raw [A27]', () => {
  const curl = (...args: string[]): string => cluster.host('curl', ['-s', '--max-time', '10', ...args]).stdout;

  it('serves on a port that it chooses [conformance: Kubectl, proxy port zero]', async () => {
    runPod('behind', '--port=8080');
    const proxy = startKubectl(cluster, '35', ['proxy', '-p', '0', '--disable-filter']);
    try {
      const SERVING = /^Starting to serve on 127\.0\.0\.1:(\d+)$/m;
      await proxy.prints(SERVING);
      const url = `http://127.0.0.1:${SERVING.exec(proxy.stdout())![1]}`;
      expect(JSON.parse(curl(`${url}/api`)).versions).toContain('v1');
      expect(curl(`${url}/api/v1/namespaces/cli/pods/behind/proxy/`)).toMatch(/^pod: behind$/m);
      expect(curl('-L', `${url}/api/v1/namespaces/cli/pods/behind:8080/proxy`)).toMatch(/^pod: behind$/m);
    } finally {
      await proxy.stop();
    }
  });

  it('serves on a socket in a folder [conformance: Kubectl, proxy socket]', async () => {
    const socket = join(cluster.dataDir, 'kubectl-proxy.sock');
    const proxy = startKubectl(cluster, '35', ['proxy', `--unix-socket=${socket}`]);
    try {
      await proxy.prints(/^Starting to serve on /m);
      expect(JSON.parse(curl('--unix-socket', socket, 'http://localhost/api')).versions.length).toBeGreaterThan(0);
    } finally {
      await proxy.stop();
    }
  });

  it('reads what the node measures', async () => {
    const [node] = object('nodes').items;
    const raw = (path: string): string => k.ok('get', '--raw', `/api/v1/nodes/${node.metadata.name}/proxy${path}`);
    expect(JSON.parse(raw('/stats/summary')).node.nodeName).toBe(node.metadata.name);
    expect(JSON.parse(raw('/pods')).kind).toBe('PodList');
    expect(raw('/healthz')).toBe('ok');
    expect(raw('/metrics/resource')).toMatch(/^node_cpu_usage_seconds_total \d/m);
    expect(raw('/metrics')).toMatch(/^kubelet_running_pods [1-9]/m);
    const port = node.status.daemonEndpoints.kubeletEndpoint.Port;
    expect(k.ok('get', '--raw', `/api/v1/nodes/${node.metadata.name}:${port}/proxy/healthz`)).toBe('ok');
    const none = k('get', '--raw', '/api/v1/namespaces/cli/services/none/proxy/');
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('endpoints "none" not found')]);
  });

  it('tells where the cluster’s DNS is', () => {
    // eslint-disable-next-line no-control-regex -- kubectl colours its answer
    const text = cluster.kubectl(['cluster-info']).stdout.replaceAll(/\u001b\[[0-9;]*m/g, '');
    expect(text).toMatch(
      /^CoreDNS is running at https:\/\/127\.0\.0\.1:\d+\/api\/v1\/namespaces\/kube-system\/services\/kube-dns:dns\/proxy$/m,
    );
  });
});
