/** A cluster whose pods run on Debian's containerd with runc. Needs root, containerd, runc and the network plugins. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dockerArchive, sampleImage } from '../../kubelet/images/sample-image.ts';
import { missingForContainerd } from '../containerd-process.ts';
import { startKubectl } from './background.ts';
import type { Cluster, CommandResult, Json } from './harness.ts';
import { done, eventually, isRoot, startCluster } from './harness.ts';

const image = 'nocher.local/hello:1';
const busybox = ['/usr/bin/busybox', '/bin/busybox'].find((path) => existsSync(path)) ?? '';
const lacking = busybox === '' ? ['busybox-static'] : [];
const missing = isRoot ? [...missingForContainerd(), ...lacking] : ['root'];
const suite = missing.length === 0 ? describe : describe.skip;
const title = `pods on containerd [K13]${missing.length === 0 ? '' : ` (needs ${missing.join(', ')})`}`;

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: "${image}"
        ports: [{containerPort: 8080, name: http}]
        readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
        livenessProbe: {exec: {command: ["true"]}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Pod
metadata: {name: tools}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: c, image: "${image}", stdin: true, command: [sh, -c, "echo started; while read x; do echo heard $x; done; exec sleep 1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: crashes}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: c, image: "${image}", command: [sh, -c, "[ -e /v/ran ] && exec sleep 1000; touch /v/ran; echo first; exit 3"], volumeMounts: [{name: v, mountPath: /v}]}
  volumes: [{name: v, emptyDir: {}}]
`;

suite(title, () => {
  let cluster: Cluster;
  const object = (...what: string[]): Json => JSON.parse(cluster.run('get', ...what, '-o', 'json'));
  const ready = (): Json =>
    object('node', 'node-1').status.conditions.find(({ type }: { type: string }) => type === 'Ready');
  /** Of the Service, from the node. */
  const answer = (): string => {
    const { nodePort } = object('service', 'web').spec.ports[0];
    return cluster.host('curl', ['-s', '--max-time', '5', `http://192.0.2.10:${nodePort}/`]).stdout;
  };
  const leftContainers = (): CommandResult =>
    cluster.host('ctr', ['--address', cluster.containerd().socket, '--namespace', 'k8s.io', 'containers', 'ls', '-q']);
  /** Of every container: its id and how often it was restarted. */
  const containers = (): string[] =>
    object('pods').items.flatMap(({ status }: Json) =>
      (status.containerStatuses ?? []).map((one: Json) => `${one.name} ${one.containerID} ${one.restartCount}`),
    );

  beforeAll(async () => {
    cluster = await startCluster([], { runtime: 'cri' });
    cluster.apply(DEPLOYMENT);
    cluster.run('rollout', 'status', 'deployment/web', '--timeout=60s');
    cluster.run('wait', '--for=condition=Ready', 'pod/tools', '--timeout=30s');
  }, 120_000);
  afterAll(() => cluster?.stop(), 90_000);

  it('are told as the runtime’s', () => {
    expect(object('node', 'node-1').status.nodeInfo.containerRuntimeVersion).toMatch(/^containerd:\/\/\d+\./);
    expect(object('pod', 'tools').status.containerStatuses[0]).toMatchObject({
      containerID: expect.stringMatching(/^containerd:\/\/[0-9a-f]{64}$/),
      image,
      imageID: expect.stringMatching(/^sha256:/),
      restartCount: 0,
    });
  });

  it('have logs, commands with exit codes and an end of input, and files', () => {
    expect(cluster.run('logs', 'tools')).toBe('started\n');
    expect(cluster.kubectl(['exec', 'tools', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'])).toEqual({
      code: 7,
      stdout: 'out\n',
      stderr: 'err\ncommand terminated with exit code 7\n',
    });
    const counted = cluster.kubectl(['exec', '-i', 'tools', '--', 'wc', '-l'], { input: 'a\nb\n' });
    expect(counted).toEqual(done('2\n'));
    const file = join(cluster.dataDir, 'copied');
    writeFileSync(file, 'copied\n');
    expect(cluster.kubectl(['cp', file, 'tools:/tmp/copied'])).toEqual(done(''));
    expect(cluster.run('exec', 'tools', '--', 'cat', '/tmp/copied')).toBe('copied\n');
    cluster.run('cp', 'tools:/tmp/copied', `${file}-back`);
    expect(readFileSync(`${file}-back`, 'utf8')).toBe('copied\n');
  });

  it('are attached to, and forwarded to', async () => {
    const attached = startKubectl(cluster, '35', ['attach', '-i', 'tools']);
    try {
      await eventually('an answer', () => {
        attached.type('me\n');
        return attached.stdout().includes('heard me\n');
      });
    } finally {
      await attached.stop();
    }
    const forwarding = startKubectl(cluster, '35', ['port-forward', 'deployment/web', '20080:8080']);
    try {
      await forwarding.prints('Forwarding from 127.0.0.1:20080 -> 8080\n');
      expect(cluster.host('curl', ['-s', '--max-time', '5', 'http://127.0.0.1:20080/']).stdout).toContain('pod: web-');
    } finally {
      await forwarding.stop();
    }
  });

  it('are found by the names and addresses of Services', () => {
    const { clusterIP } = object('service', 'web').spec;
    const found = cluster.run('exec', 'deployment/web', '--', 'getent', 'hosts', 'web');
    expect(found.trim().split(/ +/)).toEqual([clusterIP, 'web.default.svc.cluster.local']);
    for (let i = 0; i < 5; i++) expect(answer()).toContain('pod: web-');
  });

  it('are restarted with their volumes when they end', async () => {
    await eventually('the restart', () => cluster.run('logs', 'crashes', '--previous').includes('first'));
    await eventually('it runs', () => object('pod', 'crashes').status.containerStatuses[0].state.running !== undefined);
    expect(object('pod', 'crashes').status.containerStatuses[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
    });
  });

  it('live on when the kubelet is killed, and are found again', async () => {
    const before = containers();
    expect(before).toHaveLength(4);
    await cluster.kill('SIGKILL');
    await cluster.restart();
    cluster.run('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=30s');
    expect(containers().sort()).toEqual(before.sort());
    expect(cluster.run('exec', 'tools', '--', 'echo', 'still')).toBe('still\n');
  });

  it('live on when containerd is killed: the node says so, and is ready again afterwards', async () => {
    const before = containers();
    await cluster.containerd().kill();
    await eventually('the node is not Ready', () => ready().status === 'False');
    expect(ready()).toMatchObject({
      reason: 'KubeletNotReady',
      message: expect.stringMatching(/^container runtime is down: .*/),
    });
    // Not by the Service: pods of a node that is not Ready are no endpoints, though they run.
    const { podIP } = object('pods', '-l', 'app=web').items[0].status;
    const { stdout } = cluster.host('curl', ['-s', '--max-time', '5', `http://${podIP}:8080/`]);
    expect(stdout).toContain('pod: web-');
    await cluster.containerd().start();
    await eventually('the node is Ready', () => ready().status === 'True');
    expect(containers().sort()).toEqual(before.sort());
    expect(cluster.run('exec', 'tools', '--', 'echo', 'still')).toBe('still\n');
  });

  it('whose end containerd did not see are told to have ended, and are restarted', async () => {
    const [own] = containers().filter((one) => one.startsWith('c ') && one.endsWith(' 0'));
    const id = own!.split(' ')[1]!.replace('containerd://', '');
    await cluster.containerd().kill();
    killMainProcess(id);
    await cluster.containerd().start();
    await eventually('the restart', () => {
      const [status] = object('pod', 'tools').status.containerStatuses;
      return status.restartCount === 1 && status.state.running !== undefined;
    });
    expect(object('pod', 'tools').status.containerStatuses[0].lastState.terminated).toMatchObject({ exitCode: 137 });
  });

  it('have images that were loaded without a registry', async () => {
    const nocher = (...args: string[]): string => {
      const [program] = cluster.upArguments;
      const all = [program!, 'image', ...args, '--data-dir', cluster.dataDir];
      const { code, stdout, stderr } = cluster.host(process.execPath, all);
      return code === 0 ? stdout : stderr;
    };
    const archive = join(cluster.dataDir, 'archive.tar');
    const members = [{ name: 'bin/busybox', mode: 0o755, content: readFileSync(busybox) }];
    const tool = await sampleImage([members], { Entrypoint: ['/bin/busybox', 'sleep', '1000'] });
    writeFileSync(archive, await dockerArchive(tool, ['example.org/tool:1']));
    expect(nocher('load', archive)).toBe('loaded example.org/tool:1\n');
    expect(nocher('ls')).toMatch(/^example\.org\/tool:1 +[0-9a-f]{12} +\d+\.\d MB$/m);
    cluster.run('run', 'tool', '--image=example.org/tool:1', '--image-pull-policy=Never');
    cluster.run('wait', '--for=condition=Ready', 'pod/tool', '--timeout=30s');
    cluster.run('delete', 'pod', 'tool', '--now');
    expect(nocher('rm', 'example.org/tool:1')).toBe('removed example.org/tool:1\n');
    expect(nocher('ls')).not.toContain('example.org/tool');
  });

  it('and everything else are gone after a stop', async () => {
    await cluster.kill('SIGTERM');
    expect(readdirSync(cluster.containerd().cniConfFolder)).toEqual([]);
    expect(leftContainers()).toEqual(done(''));
    expect(cluster.host('ip', ['-o', 'link', 'show', 'type', 'bridge']).stdout).toBe('');
  });

  it('get their network from the user, when there is one', async () => {
    const folder = cluster.containerd().cniConfFolder;
    writeFileSync(join(folder, '05-mine.conflist'), JSON.stringify(mine(join(cluster.dataDir, 'mine'))));
    await cluster.restart();
    expect(cluster.output()).toContain(`pods get their network from 05-mine.conflist in ${folder}`);
    expect(readdirSync(folder)).toEqual(['05-mine.conflist']);
    cluster.run('wait', '--for=condition=Ready', 'pod', '-l', 'app=web', '--timeout=60s');
    expect(cluster.run('exec', 'deployment/web', '--', 'getent', 'hosts', 'web')).toContain('web.default.svc');
    expect(answer()).toContain('pod: web-');
  });

  it('are left when containerd is away at a stop, and found by the next one', async () => {
    await cluster.containerd().kill();
    await cluster.kill('SIGTERM');
    expect(cluster.output()).toContain('pods are left, until the next start or "down": connect ECONNREFUSED');
    await cluster.containerd().start();
    const [program] = cluster.upArguments;
    expect(cluster.host(process.execPath, [program!, 'down', '--data-dir', cluster.dataDir]).code).toBe(0);
    expect(leftContainers()).toEqual(done(''));
  });
});

/** A network without a bridge. */
function mine(dataDir: string): object {
  const ranges = [[{ subnet: '10.244.0.0/24' }]];
  const ipam = { type: 'host-local', dataDir, ranges, routes: [{ dst: '0.0.0.0/0' }] };
  return { cniVersion: '0.4.0', name: 'mine', plugins: [{ type: 'ptp', ipam }] };
}

/** Of a container: the process whose cgroup bears its id, the first. */
function killMainProcess(id: string): void {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const own = pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(id);
    } catch {
      return false;
    }
  });
  if (own.length === 0) throw new Error(`no process of container ${id}`);
  process.kill(Math.min(...own.map(Number)), 'SIGKILL');
}
