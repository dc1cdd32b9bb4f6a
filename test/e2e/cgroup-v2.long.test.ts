/**
 * Pods on a kernel that has cgroup v2 alone, as most distributions have it: a virtual machine with Debian's cloud
 * kernel, in which a cluster is started and driven by kubectl. Needs root, qemu and the packages of virtual machines.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { VirtualMachine } from '../virtual-machine.ts';
import { copyProgram, findKernel, makeDisk, makeRootFolder } from '../virtual-machine.ts';
import { missingForVirtualMachines, startVirtualMachine } from '../virtual-machine.ts';
import { busyboxArchive } from './busybox-image.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const missing = missingForVirtualMachines();
if (missing !== undefined) process.stderr.write(`cgroup v2: ${missing} is missing\n`);

/** What the cluster runs from: the build and the packages that it does not bundle. */
function copyNocher(target: string): void {
  const packages = [
    'lmdb',
    '@lmdb',
    'msgpackr',
    'ordered-binary',
    'weak-lru-cache',
    'node-gyp-build-optional-packages',
  ];
  const paths = [
    ...['package.json', 'bin', 'examples', 'dist/bundle', 'dist/generated', 'dist/native/nocher-native'],
    ...[
      'dist/kubectl/35/kubectl',
      ...[...packages, '@harperfast', 'detect-libc'].map((name) => `node_modules/${name}`),
    ],
  ];
  for (const path of paths) {
    if (existsSync(join(root, path)))
      cpSync(join(root, path), join(target, path), { recursive: true, verbatimSymlinks: true });
  }
}

/** Found by the kernel itself when somebody asks for a file system, an interface or a table. */
function copyModules(folder: string, kernel: { modules: string }): void {
  const release = kernel.modules.split('/').at(-1)!;
  const target = join(folder, 'lib/modules', release);
  for (const part of [
    'kernel/net',
    'kernel/fs/overlayfs',
    'kernel/drivers/net/veth.ko',
    'kernel/lib',
    'kernel/crypto',
  ]) {
    const source = join(kernel.modules, part);
    if (existsSync(source)) cpSync(source, join(target, part), { recursive: true });
  }
  for (const name of readdirSync(kernel.modules).filter((file) => file.startsWith('modules.'))) {
    cpSync(join(kernel.modules, name), join(target, name));
  }
  const { status, stderr } = spawnSync('depmod', ['-b', folder, release], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`depmod: ${stderr}`);
}

const POD = `apiVersion: v1
kind: Pod
metadata: {name: limited}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
    - name: c
      image: nocher.test/busybox:1
      command: [sleep, infinity]
      resources: {requests: {cpu: 50m}, limits: {cpu: 100m, memory: 64Mi}}
---
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec:
  restartPolicy: Never
  containers:
    - name: c
      image: nocher.test/busybox:1
      command: [dd, if=/dev/zero, of=/dev/null, bs=200M, count=1]
      resources: {limits: {memory: 32Mi}}
---
apiVersion: v1
kind: Pod
metadata: {name: again}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: c
      image: nocher.test/busybox:1
      command: [sh, -c, '[ -e /data/ip ] && exec sleep infinity; echo $IP >/data/ip; exec dd if=/dev/zero of=/dev/null bs=200M count=1']
      env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
      resources: {limits: {memory: 32Mi}}
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {name: c, image: 'nocher.test/busybox:1', command: [sh, -c, 'echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp'], volumeMounts: [{name: tmp, mountPath: /tmp}]}
  volumes: [{name: tmp, emptyDir: {}}]
`;

/** Prints one line for each question: its name, and the answer's lines joined by blanks. */
const SCRIPT = `
export PATH=/bin:/sbin:/usr/bin:/usr/sbin:/usr/local/bin HOME=/root KUBECONFIG=/data/nocher/admin.kubeconfig
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs none /run
ip link set lo up
say() { name=$1; shift; echo "$name: $("$@" 2>&1 | tr '\\n' ' ')"; }
say controllers cat /sys/fs/cgroup/cgroup.controllers
cd /nocher
up() { node bin/nocher up -d --data-dir /data/nocher --node-name node-1; }
say up up
say load node bin/nocher image load /busybox.tar --data-dir /data/nocher
kubectl apply -f /pod.yaml >/dev/null
say wait kubectl wait --for=condition=Ready pod/limited pod/web --timeout=120s
say exec kubectl exec limited -- echo hi
kubectl expose pod web --port=80 >/dev/null
n=0; while [ $n -lt 20 ] && ! kubectl exec limited -- timeout 5 wget -qO- http://web >/tmp/answer 2>/dev/null; do sleep 1; n=$((n+1)); done
say service cat /tmp/answer
kubectl wait --for=jsonpath='{.status.phase}'=Failed pod/greedy --timeout=60s >/dev/null
say greedy kubectl get pod greedy -o 'jsonpath={.status.containerStatuses[0].state.terminated.reason}'
kubectl wait --for=jsonpath='{.status.containerStatuses[0].restartCount}'=1 pod/again --timeout=60s >/dev/null
kubectl wait --for=condition=Ready pod/again --timeout=60s >/dev/null
say again kubectl get pod again -o 'jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].lastState.terminated.reason}'
say first.ip kubectl exec again -- cat /data/ip
say later.ip kubectl get pod again -o 'jsonpath={.status.podIP}'
say events kubectl get events --field-selector involvedObject.name=again -o 'jsonpath={.items[*].reason}'
c=$(dirname $(grep -lx '10000 100000' $(find /sys/fs/cgroup -name cpu.max) | tail -1))
say cpu.max cat $c/cpu.max
say memory.max cat $c/memory.max
kubectl exec limited -- timeout 3 sh -c 'while :; do :; done' >/dev/null 2>&1
say throttled sh -c "grep nr_throttled $c/cpu.stat"
say status node bin/nocher status --data-dir /data/nocher
down() { node bin/nocher down --purge --data-dir /data/nocher; }
say down down
say left find /sys/fs/cgroup -name 'nocher*'
say bridges sh -c "ip -o link | grep -v ' lo:'"
`;

(missing === undefined ? describe : describe.skip)('on a kernel with cgroup v2 alone', () => {
  let folder: string;
  const answers: Record<string, string> = {};
  let machine: VirtualMachine | undefined;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nocher-e2e-'));
    const disk = join(folder, 'root');
    mkdirSync(disk);
    await makeRootFolder(disk);
    await copyProgram(disk, process.execPath);
    await copyProgram(disk, '/usr/sbin/nft');
    const kernel = findKernel();
    copyModules(disk, kernel);
    copyNocher(join(disk, 'nocher'));
    for (const name of ['bin', 'sbin', 'usr/local/bin']) mkdirSync(join(disk, name), { recursive: true });
    cpSync('/usr/bin/busybox', join(disk, 'bin/busybox'));
    const applets = spawnSync('busybox', ['--list'], { encoding: 'utf8' }).stdout.trim().split('\n');
    for (const applet of applets.filter((name) => name !== 'busybox'))
      symlinkSync('/bin/busybox', join(disk, 'bin', applet));
    symlinkSync('/bin/busybox', join(disk, 'sbin/modprobe'));
    symlinkSync('/nocher/dist/kubectl/35/kubectl', join(disk, 'usr/local/bin/kubectl'));
    symlinkSync(process.execPath, join(disk, 'usr/local/bin/node'));
    writeFileSync(join(disk, 'busybox.tar'), await busyboxArchive());
    writeFileSync(join(disk, 'pod.yaml'), POD);
    const image = join(folder, 'root.img');
    await makeDisk(image, { folder: disk, sizeMiB: 1500 });
    rmSync(disk, { recursive: true });
    machine = await startVirtualMachine({
      kernel,
      disks: [{ path: image }],
      script: SCRIPT,
      memoryMiB: 1536,
      cpus: 2,
    });
    for await (const line of machine.lines) {
      if (process.env['NOCHER_TEST_VERBOSE'] !== undefined) process.stderr.write(`${line}\n`);
      const [, name, answer] = /^([a-z.-]+): (.*?) *$/.exec(line) ?? [];
      if (name !== undefined) answers[name] = answer!;
    }
    await machine.ended;
  }, 400_000);
  afterAll(async () => {
    await machine?.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it('starts, with every controller', () => {
    expect(answers['controllers']).toMatch(/cpu.*memory.*pids/);
    expect(answers['up']).toContain('ready in');
    expect(answers['up']).not.toMatch(/lacks|pretend|missing/);
    expect(answers['status']).toContain('API server');
  });

  it('runs pods that reach a Service by its name', () => {
    expect(answers['wait']).toBe('pod/limited condition met pod/web condition met');
    expect(answers['exec']).toBe('hi');
    expect(answers['service']).toBe('hello');
  });

  it('limits what a container uses', () => {
    expect(answers['greedy']).toBe('OOMKilled');
    expect(answers['cpu.max']).toBe('10000 100000');
    expect(answers['memory.max']).toBe(String(64 << 20));
    expect(Number(answers['throttled']?.split(' ')[1])).toBeGreaterThan(0);
  });

  it('starts a container that was killed for memory again in the same sandbox', () => {
    expect(answers['again']).toBe('1 OOMKilled');
    expect(answers['first.ip']).toMatch(/^10\./);
    expect(answers['later.ip']).toBe(answers['first.ip']);
    expect(answers['events']).toContain('Started');
    expect(answers['events']).not.toContain('SandboxChanged');
  });

  it('stops, and takes its network away', () => {
    expect(answers['down']).toContain('its data is deleted');
    expect(answers['bridges']).toBe('');
  });

  it('leaves no processes and no cgroups', () => {
    expect(answers['left']).toBe('');
  });
});
