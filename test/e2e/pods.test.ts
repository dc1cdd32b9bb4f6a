/** Pods that really run, driven by kubectl on a native node. Needs root; a cluster per file. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from './harness.ts';
import { eventually, isRoot, MINORS, startCluster } from './harness.ts';

const image = 'nocher.local/hello:1';
const suite = isRoot ? describe : describe.skip;

let cluster: Cluster;

const pod = (name: string, spec: string): string => `apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
${spec}
`;

const phase = (name: string): string => cluster.run('get', 'pod', name, '-o', 'jsonpath={.status.phase}');
const ready = (name: string): void => void cluster.run('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=30s');

suite('pods on a native node', () => {
  beforeAll(async () => {
    cluster = await startCluster(['--storage', 'memory', '--demo']);
  }, 90_000);
  afterAll(() => cluster?.stop(), 60_000);

  it('shows a Ready node', () => {
    const { stdout } = cluster.kubectl(['get', 'nodes', '-o', 'wide']);
    expect(stdout).toMatch(
      /^node-1\s+Ready\s+<none>\s+\S+\s+v1\.36\.0\+nocher\.1\s+192\.0\.2\.10\s+<none>\s+.*(native|containerd):\/\//m,
    );
  });

  it('answers on the node port from every pod in turn [N1]', async () => {
    const port = cluster.run('-n', 'hello', 'get', 'service', 'hello', '-o', 'jsonpath={.spec.ports[0].nodePort}');
    for (const host of ['127.0.0.1', '192.0.2.10']) {
      const seen = await eventually(`three pods answer on ${host}`, () => {
        const names = new Set<string>();
        for (let i = 0; i < 30; i++) {
          const { stdout } = cluster.host('curl', ['-s', '--max-time', '5', `http://${host}:${port}/`]);
          const name = /^pod: (\S+)$/m.exec(stdout)?.[1];
          if (name !== undefined) names.add(name);
        }
        return names.size === 3 && names;
      });
      expect(seen.size).toBe(3);
    }
  });

  it('ends with its command’s exit code, and keeps its log [walkthrough T2]', async () => {
    cluster.apply(
      pod(
        'hello-world',
        `  restartPolicy: Never\n  containers: [{name: c, image: "${image}", command: [sh, -c, "echo Hello World; exit 3"]}]`,
      ),
    );
    await eventually('the pod has failed', () => phase('hello-world') === 'Failed');
    expect(cluster.run('logs', 'hello-world')).toBe('Hello World\n');
    expect(
      cluster.run(
        'get',
        'pod',
        'hello-world',
        '-o',
        'jsonpath={.status.containerStatuses[0].state.terminated.exitCode}',
      ),
    ).toBe('3');
  });

  describe.each(MINORS)('kubectl 1.%s', (minor) => {
    const name = `tools-${minor}`;
    const kubectl = (args: string[], input?: string) =>
      cluster.kubectl(args, { minor, ...(input === undefined ? {} : { input }) });

    beforeAll(() => {
      cluster.apply(pod(name, `  terminationGracePeriodSeconds: 1\n  containers: [{name: c, image: "${image}"}]`));
      ready(name);
    });
    afterAll(() => void cluster.run('delete', 'pod', name));

    it('executes, with output, input and exit code [A26]', () => {
      expect(kubectl(['exec', name, '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'])).toMatchObject({
        code: 7,
        stdout: 'out\n',
      });
      expect(kubectl(['exec', '-i', name, '--', 'cat'], 'through\n').stdout).toBe('through\n');
      expect(kubectl(['exec', name, '--', 'nope']).stderr).toContain('executable file not found in $PATH');
      expect(kubectl(['exec', name, '--', 'env', 'MY_VAR=Hello World', 'sh', '-c', 'echo $MY_VAR']).stdout).toBe(
        'Hello World\n',
      );
    });

    it('copies files both ways', () => {
      const path = join(cluster.dataDir, `copied-${minor}`);
      writeFileSync(path, 'content\n');
      expect(kubectl(['cp', path, `${name}:/tmp/file`]).code).toBe(0);
      expect(kubectl(['exec', name, '--', 'cat', '/tmp/file']).stdout).toBe('content\n');
      expect(kubectl(['cp', `${name}:/tmp/file`, `${path}-back`]).code).toBe(0);
      expect(readFileSync(`${path}-back`, 'utf8')).toBe('content\n');
    });

    it('forwards a port', async () => {
      const port = 20_000 + Number(minor);
      const forwarding = cluster.spawn(cluster.kubectlPath(minor), ['port-forward', name, `${port}:8080`]);
      try {
        const answer = await eventually('the forwarded port answers', () => {
          const { stdout } = cluster.host('curl', ['-s', '--max-time', '3', `http://127.0.0.1:${port}/`]);
          return stdout.includes(`pod: ${name}`) && stdout;
        });
        expect(answer).toContain('Hello from Nocher');
      } finally {
        forwarding.kill();
      }
    });

    it('reads and follows logs', async () => {
      expect(
        kubectl(['logs', name, '--tail=1'])
          .stdout.split('\n')
          .filter((line) => line !== ''),
      ).toHaveLength(1);
      expect(kubectl(['logs', name, '--since=1h', '--timestamps']).stdout).toMatch(
        /^\d{4}-\d\d-\d\dT\S+Z hello version 1 listening/,
      );
      const following = cluster.spawn(cluster.kubectlPath(minor), ['logs', '-f', name]);
      let text = '';
      following.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()));
      try {
        await eventually('the log begins', () => text.includes('listening'));
        kubectl(['exec', name, '--', 'sh', '-c', 'echo from-exec > /proc/1/fd/1']);
        await eventually('a new line is followed', () => text.includes('from-exec'));
      } finally {
        following.kill();
      }
    });
  });

  it('restarts what fails, with back-off, and keeps the log before [K4]', async () => {
    cluster.apply(
      pod('crashes', `  containers: [{name: c, image: "${image}", command: [sh, -c, "echo run; exit 1"]}]`),
    );
    await eventually('it backs off', () => cluster.run('get', 'pod', 'crashes').includes('CrashLoopBackOff'));
    expect(cluster.run('logs', 'crashes', '--previous')).toBe('run\n');
    expect(cluster.run('get', 'events', '--field-selector', 'involvedObject.name=crashes')).toContain(
      'Back-off restarting failed container c in pod crashes_default',
    );
    cluster.run('delete', 'pod', 'crashes');
  });

  it('says why a container cannot start', async () => {
    cluster.apply(
      pod(
        'cannot',
        `  containers:\n  - {name: absent, image: "localhost:1/nothing:1"}\n  - {name: missing, image: "${image}", command: [nope]}\n  - {name: keyless, image: "${image}", env: [{name: A, valueFrom: {configMapKeyRef: {name: none, key: a}}}]}`,
      ),
    );
    await eventually('each has its reason', () => {
      const reasons = cluster.run(
        'get',
        'pod',
        'cannot',
        '-o',
        'jsonpath={.status.containerStatuses[*].state.waiting.reason}',
      );
      return (
        /ImagePull/.test(reasons) &&
        /CrashLoopBackOff|RunContainerError/.test(reasons) &&
        /CreateContainerConfigError/.test(reasons)
      );
    });
    expect(cluster.run('describe', 'pod', 'cannot')).toContain('configmap "none" not found');
    cluster.run('delete', 'pod', 'cannot');
  });

  it('kills what exceeds its memory [walkthrough T28]', async () => {
    cluster.apply(
      pod(
        'hungry',
        `  restartPolicy: Never\n  containers: [{name: c, image: "${image}", command: [tail, /dev/zero], resources: {limits: {memory: 32Mi}}}]`,
      ),
    );
    await eventually(
      'it is OOMKilled',
      () =>
        cluster.run(
          'get',
          'pod',
          'hungry',
          '-o',
          'jsonpath={.status.containerStatuses[0].state.terminated.reason}/{.status.containerStatuses[0].state.terminated.exitCode}',
        ) === 'OOMKilled/137',
    );
  });

  it('restarts an unhealthy container, and takes an unready pod out of its Service [walkthrough T23]', async () => {
    cluster.apply(`${pod('probed', `  containers:\n  - name: c\n    image: "${image}"\n    livenessProbe: {exec: {command: [test, "!", -e, /tmp/dead]}, periodSeconds: 1, failureThreshold: 1}\n    readinessProbe: {exec: {command: [test, "!", -e, /tmp/busy]}, periodSeconds: 1, failureThreshold: 1}`)}---
apiVersion: v1
kind: Service
metadata: {name: probed}
spec: {selector: {app: probed}, ports: [{port: 80, targetPort: 8080}]}
`);
    ready('probed');
    const ips = (): string =>
      cluster.run(
        'get',
        'endpointslices',
        '-l',
        'kubernetes.io/service-name=probed',
        '-o',
        'jsonpath={.items[*].endpoints[?(@.conditions.ready==true)].addresses[0]}',
      );
    await eventually('it is in its Service', () => ips() !== '');
    cluster.run('exec', 'probed', '--', 'touch', '/tmp/busy');
    await eventually('it is out of its Service', () => ips() === '');
    expect(cluster.run('get', 'pod', 'probed', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}')).toBe('0');
    cluster.run('exec', 'probed', '--', 'touch', '/tmp/dead');
    await eventually(
      'it was restarted',
      () => cluster.run('get', 'pod', 'probed', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}') === '1',
    );
    cluster.run('delete', 'pod/probed', 'service/probed');
  });

  it('mounts config maps, secrets and tokens, and shows config map changes [V2]', async () => {
    cluster.run('create', 'configmap', 'files', '--from-literal=a=one');
    cluster.run('create', 'secret', 'generic', 'hidden', '--from-literal=b=two');
    cluster.apply(
      pod(
        'mounts',
        `  containers:\n  - name: c\n    image: "${image}"\n    env: [{name: B, valueFrom: {secretKeyRef: {name: hidden, key: b}}}, {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]\n    volumeMounts: [{name: f, mountPath: /f}, {name: h, mountPath: /h, readOnly: true}]\n  volumes: [{name: f, configMap: {name: files}}, {name: h, secret: {secretName: hidden, defaultMode: 0400}}]`,
      ),
    );
    ready('mounts');
    const inside = (script: string): string => cluster.run('exec', 'mounts', '--', 'sh', '-c', script).trim();
    expect(inside('cat /f/a /h/b; echo; echo $B')).toBe('onetwo\ntwo');
    expect(inside('echo $IP')).toBe(cluster.run('get', 'pod', 'mounts', '-o', 'jsonpath={.status.podIP}'));
    expect(
      inside(
        'head -c 3 /var/run/secrets/kubernetes.io/serviceaccount/token; ls /var/run/secrets/kubernetes.io/serviceaccount',
      ),
    ).toBe('eyJca.crt\nnamespace\ntoken');
    expect(inside('getent hosts kubernetes.default.svc.cluster.local')).toMatch(/^10\.\d+\.0\.1\s/);
    cluster.run('patch', 'configmap', 'files', '-p', '{"data":{"a":"changed"}}');
    await eventually('the change is in the volume', () => inside('cat /f/a') === 'changed', 90_000);
    cluster.run('delete', 'pod', 'mounts');
  });

  it('deletes within the grace period, or at once by force [walkthrough T4]', async () => {
    const stubborn = `  terminationGracePeriodSeconds: 2\n  containers: [{name: c, image: "${image}", command: [sh, -c, "trap '' TERM; while :; do sleep 1; done"]}]`;
    cluster.apply(pod('stubborn', stubborn));
    ready('stubborn');
    const startedMs = Date.now();
    cluster.run('delete', 'pod', 'stubborn');
    expect(Date.now() - startedMs).toBeGreaterThan(1_500);
    cluster.apply(pod('forced', stubborn));
    ready('forced');
    expect(cluster.kubectl(['delete', 'pod', 'forced', '--force', '--grace-period=0']).stderr).toContain(
      'Immediate deletion does not wait for confirmation',
    );
  });

  it('rolls over, undoes to the same ReplicaSet, and loses no request [walkthrough T24] [walkthrough T25]', async () => {
    const port = cluster.run('-n', 'hello', 'get', 'service', 'hello', '-o', 'jsonpath={.spec.ports[0].nodePort}');
    const before = cluster.run('-n', 'hello', 'get', 'rs', '-o', 'name').trim();
    const load = cluster.spawn('sh', [
      '-c',
      `i=0; bad=0; while [ $i -lt 300 ]; do curl -s --max-time 5 -o /dev/null -w '%{http_code}\\n' http://192.0.2.10:${port}/ | grep -q '^200$' || bad=$((bad+1)); i=$((i+1)); done; echo failed=$bad`,
    ]);
    let result = '';
    load.stdout!.on('data', (chunk: Buffer) => (result += chunk.toString()));
    cluster.run('-n', 'hello', 'set', 'image', 'deployment/hello', 'hello=nocher.local/hello:2');
    expect(cluster.run('-n', 'hello', 'rollout', 'status', 'deployment/hello', '--timeout=60s')).toContain(
      'deployment "hello" successfully rolled out',
    );
    expect(cluster.run('-n', 'hello', 'get', 'rs', '-o', 'name').trim().split('\n')).toHaveLength(2);
    cluster.run('-n', 'hello', 'rollout', 'undo', 'deployment/hello');
    cluster.run('-n', 'hello', 'rollout', 'status', 'deployment/hello', '--timeout=60s');
    expect(cluster.run('-n', 'hello', 'get', before, '-o', 'jsonpath={.status.readyReplicas}')).toBe('3');
    await eventually('the load has ended', () => result.includes('failed='), 60_000);
    expect(result).toContain('failed=0');
  }, 120_000);
});
