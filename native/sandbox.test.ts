import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { alive, binary, build, cannotRun, ControlClient, Pod, sanitized, Stream, withPod } from './pod-fixture.ts';
import type { Json } from './pod-fixture.ts';

const suite = cannotRun === undefined ? describe : describe.skip;

suite(`native sandbox${cannotRun === undefined ? '' : ` (skipped: ${cannotRun})`}`, () => {
  let pod: Pod;
  beforeAll(async () => {
    build();
    pod = await new Pod({ sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' } }).start();
  }, 120_000);
  afterAll(() => pod.stop());

  it('check says what the host can do, in one line', () => {
    const run = spawnSync(binary, ['check'], { encoding: 'utf8' });
    const found = JSON.parse(run.stdout) as Json;
    expect(run.status).toBe(0);
    expect(found).toMatchObject({ version: 1, root: true, overlay: true, clone3: true, openat2: true });
    expect(['v1', 'v2', 'hybrid', 'none']).toContain(found['cgroupMode']);
  });

  it('check says that there are no pods in a chroot', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nocher-native-'));
    try {
      fs.mkdirSync(path.join(folder, 'proc'));
      fs.copyFileSync(binary, path.join(folder, 'helper'));
      const script = 'mount -t proc proc "$1/proc" && exec chroot "$1" /helper check';
      const run = spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', folder], { encoding: 'utf8' });
      // A sanitized build needs libraries that are not there.
      if (!sanitized)
        expect((JSON.parse(run.stdout) as Json)['missing']).toContain('required: a root that is no chroot');
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  it('a wrong command line ends with 64', () => {
    expect(spawnSync(binary, ['frobnicate']).status).toBe(64);
    expect(spawnSync(binary, ['monitor', '--socket']).status).toBe(64);
  });

  it('the ready line and status describe the sandbox', async () => {
    expect(pod.ready).toMatchObject({
      version: 1,
      ok: true,
      network: { hostInterface: 'veth1', mac: '0a:58:0a:63:00:05' },
    });
    const { sandbox, containers } = await pod.client.call('status');
    expect(sandbox).toMatchObject({
      id: 'pod1',
      state: 'Ready',
      monitorPid: pod.ready['monitorPid'],
      pausePid: pod.ready['pausePid'],
    });
    expect(containers).toEqual([]);
    expect(sandbox.startedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  });

  // The sanitized build's pause is a fork of the monitor.
  const itStatic = sanitized ? it.skip : it;
  itStatic('pause has no descriptors, an empty read-only root and no environment', () => {
    const pause = `/proc/${pod.ready['pausePid'] as number}`;
    expect(fs.readdirSync(`${pause}/fd`)).toEqual([]);
    expect(fs.readdirSync(`${pause}/root`).sort()).toEqual(['empty', 'null', 'shm']);
    expect(() => fs.writeFileSync(`${pause}/root/x`, '')).toThrow(/EROFS/);
    expect(fs.readFileSync(`${pause}/environ`, 'utf8')).toBe('');
  });

  it('the monitor holds nothing of its caller', () => {
    const monitor = `/proc/${pod.ready['monitorPid'] as number}`;
    const targets = fs.readdirSync(`${monitor}/fd`).map((fd) => fs.readlinkSync(`${monitor}/fd/${fd}`));
    expect(targets.filter((target) => target.startsWith('pipe:'))).toEqual([]);
    expect(fs.readlinkSync(`${monitor}/cwd`)).toBe('/');
    const session = fs.readFileSync(`${monitor}/stat`, 'utf8').split(') ')[1]?.split(' ')[3];
    expect(Number(session)).toBe(pod.ready['monitorPid']);
  });

  it('the pod has its address, a default route, a hostname, its sysctls, and reaches the bridge', async () => {
    const script = 'hostname; ip -4 addr show eth0; ip route; cat /proc/sys/net/ipv4/ip_unprivileged_port_start';
    const { stdout } = await pod.shell(script);
    expect(stdout).toMatch(/^web-0\n/);
    expect(stdout).toContain('inet 10.99.0.5/24 brd 10.99.0.255');
    expect(stdout).toContain('default via 10.99.0.1 dev eth0');
    expect(stdout).toMatch(/\n0\n$/);
    expect(pod.network.run('bridge', ['-d', 'link', 'show', 'dev', 'veth1']).stdout).toContain('hairpin on');
    expect(pod.network.run('ping', ['-c1', '-W1', '10.99.0.5']).status ?? 0).not.toBe(1);
  });

  it('containers share network, IPC and host name, and each is PID 1 of its own namespace', async () => {
    const script = 'for n in net ipc uts pid mnt cgroup; do readlink /proc/self/ns/$n; done; ps -o pid,comm; true';
    const first = await pod.shell(script);
    const second = await pod.shell(script);
    const shared = (text: string): string[] => text.split('\n').slice(0, 3);
    expect(shared(first.stdout)).toEqual(shared(second.stdout));
    expect(first.stdout).toMatch(/\n +1 sh\n/);
  });

  it('containers that run beside each other have PID and mount namespaces of their own', async () => {
    await withPod({}, async (own) => {
      await own.run(['sleep', '1000']);
      await own.run(['sleep', '1000']);
      const { containers } = (await own.client.call('status')) as { containers: { state: string; pid: number }[] };
      const pids = containers.filter(({ state }) => state === 'Running').map(({ pid }) => pid);
      expect(pids).toHaveLength(2);
      for (const kind of ['pid', 'mnt'])
        expect(new Set(pids.map((pid) => fs.readlinkSync(`/proc/${pid}/ns/${kind}`))).size).toBe(2);
    });
  });

  it('bridge ensure is repeatable and keeps its MAC', () => {
    const args = ['bridge', 'ensure', '--name', 'br0', '--address', '10.99.0.1/24'];
    const first = pod.network.run(binary, args);
    expect(pod.network.run(binary, args).stdout).toBe(first.stdout);
    expect(pod.network.run('ip', ['link', 'show', 'br0']).stdout).toContain('0a:58:0a:63:00:01');
  });

  it('a second monitor on the same socket is refused and the first goes on', async () => {
    const { status, line } = pod.launch({ ...pod.config, cgroup: { parent: `${pod.cgroup}/other` } });
    expect(status).toBe(1);
    expect(line['error']).toMatchObject({ code: 'AlreadyExists' });
    const args = ['cleanup', '--config', '-', '--socket', pod.socketPath];
    expect(pod.network.run(binary, args, JSON.stringify(pod.config)).status).toBe(1);
    expect((await pod.client.call('status'))['sandbox'].state).toBe('Ready');
  });

  it.each<[string, Json, Json]>([
    ['another version', { version: 2 }, { code: 'UnsupportedVersion', supported: [1] }],
    ['a cgroup outside', { cgroup: { parent: '../../etc' } }, { code: 'InvalidRequest' }],
    [
      'a missing bridge',
      { network: { hostInterface: 'veth2', bridge: 'nobridge' } },
      { code: 'Failed', errno: 'ENODEV' },
    ],
    ['a sysctl of the host', { sysctls: { 'kernel.panic': '1' } }, { code: 'InvalidRequest' }],
    ['a sysctl that climbs', { sysctls: { 'net/../kernel/panic': '1' } }, { code: 'InvalidRequest' }],
    [
      'an unknown sysctl',
      { network: null, sysctls: { 'net.ipv4.nonsense': '1' } },
      { code: 'Failed', errno: 'ENOENT' },
    ],
  ])('a config with %s fails and leaves nothing', (_name, change, error) => {
    const config = { ...pod.config, cgroup: { parent: `${pod.cgroup}/other` }, ...change };
    const socket = path.join(pod.folder, 'other');
    const { status, line } = pod.launch(config, socket);
    expect(status).toBe(1);
    expect(line['error']).toMatchObject(error);
    expect(fs.existsSync(socket)).toBe(false);
    expect(pod.network.run('ip', ['link', 'show', 'veth2']).status).not.toBe(0);
    for (const folder of pod.cgroupFolders()) expect(fs.existsSync(path.join(folder, 'other'))).toBe(false);
  });
});

suite('native sandbox: other modes and ends', () => {
  beforeAll(() => build(), 120_000);

  const itStatic = sanitized ? it.skip : it;
  itStatic(
    'shares one PID namespace when asked, with pause as PID 1 and its descriptors out of reach',
    async () => {
      await withPod({ namespaces: { pid: 'pod' } }, async (pod) => {
        const id = await pod.run(['sleep', '1000']);
        const { stdout } = await pod.shell('ps -o pid,args; ls /proc/1/fd; ls /proc/1/root; ls /proc/1/exe -l; true');
        // busybox puts the name that a process had before it renamed itself in front.
        expect(stdout).toMatch(/ 1 (\{\S+\} )?\/?pause/);
        expect(stdout).toContain('sleep 1000');
        expect(stdout).not.toContain('null');
        await pod.client.call('remove', { container: id });
      });
    },
    30_000,
  );

  it('uses the host namespaces when asked', async () => {
    await withPod({ namespaces: { network: 'node', ipc: 'node', pid: 'node' } }, async (pod) => {
      const { stdout } = await pod.shell('for n in ipc uts pid; do readlink /proc/self/ns/$n; done; echo $$; ip link');
      const own = ['ipc', 'uts', 'pid'].map((kind) => fs.readlinkSync(`/proc/self/ns/${kind}`));
      expect(stdout.split('\n').slice(0, 3)).toEqual(own);
      expect(Number(stdout.split('\n')[3])).toBeGreaterThan(1);
      expect(stdout).toContain('br0');
    });
  }, 30_000);

  it('works on a host with cgroup v2 alone', async () => {
    const pod = new Pod();
    try {
      pod.hideCgroupV1();
      await pod.start();
      expect(pod.ready).toMatchObject({ cgroupMode: 'v2' });
      const id = await pod.run(['sh', '-c', 'setsid sleep 1000 & sleep 1000']);
      const script =
        'cat /proc/self/cgroup; ls /sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/x; mknod /tmp/k c 1 11 && echo made; head -c1 /tmp/k; head -c2 /dev/zero | wc -c';
      const { stdout, stderr } = await pod.shell(script);
      expect(stdout).toMatch(/0::\/\n[^]*\/sys\/fs\/cgroup\/cgroup.procs\nmade\n2\n/);
      expect(stderr).toContain('Read-only file system');
      expect(stderr).toContain('/tmp/k: Operation not permitted');
      const stream = new Stream(pod.socketPath, { command: 'exec', container: id, args: ['cat', '/proc/self/cgroup'] });
      await stream.exit();
      expect(stream.output(16)).toContain('0::/\n');
      await pod.client.call('signal', { container: id, signal: 'KILL' });
      expect(await pod.client.call('wait', { container: id })).toMatchObject({ exitCode: 137 });
      const devices = [{ path: '/dev/kmsg', hostPath: '/dev/null' }];
      expect((await pod.shell('head -c1 /dev/kmsg && echo ok', { devices })).stdout).toBe('ok\n');
    } finally {
      await pod.stop();
    }
  }, 30_000);

  it('takes CAP_MKNOD away where devices cannot be limited, from what exec runs too', async () => {
    const pod = new Pod();
    try {
      pod.hideCgroups();
      await pod.start();
      expect(pod.ready).toMatchObject({ cgroupMode: 'none' });
      const container = pod.container(['sh', '-c', 'grep CapBnd /proc/self/status; sleep 1000']);
      const id = container['id'] as string;
      const { warnings } = await pod.client.call('start', { container });
      expect(warnings).toContain('devices cannot be limited on this host: CAP_MKNOD is taken away');
      const args = ['sh', '-c', 'grep -E "Cap(Prm|Eff|Bnd)" /proc/self/status; mknod /tmp/kmsg c 1 11 && echo made'];
      const stream = new Stream(pod.socketPath, { command: 'exec', container: id, args });
      await stream.exit();
      const without = '00000000a00425fb';
      expect(stream.output(16)).toBe(`CapPrm:\t${without}\nCapEff:\t${without}\nCapBnd:\t${without}\n`);
      expect(pod.log(id, 'stdout')).toBe(`CapBnd:\t${without}\n`);
    } finally {
      await pod.stop();
    }
  }, 30_000);

  it('takes a socket path longer than 107 bytes', async () => {
    await withPod({}, async (pod) => {
      const folder = path.join(pod.folder, 'd'.repeat(100));
      fs.mkdirSync(folder);
      const config = { ...pod.config, network: null, cgroup: { parent: `${pod.cgroup}/other` } };
      expect(pod.launch(config, path.join(folder, 'control.sock')).status).toBe(0);
      const fd = fs.openSync(folder, 'r');
      const client = new ControlClient(`/proc/self/fd/${fd}/control.sock`);
      expect((await client.call('status'))['sandbox'].state).toBe('Ready');
      expect(fs.statSync(path.join(folder, 'control.sock')).mode & 0o777).toBe(0o600);
      await client.call('shutdown');
      await client.closed;
      fs.closeSync(fd);
    });
  }, 30_000);

  it('kill -9 of the monitor ends the whole pod, also a container that cleared its death signal; cleanup takes the rest', async () => {
    await withPod({}, async (pod) => {
      const container = await pod.run(['sh', '-c', 'setsid sleep 1000 & sleep 1000']);
      const { containers } = await pod.client.call('status');
      const pids = [pod.ready['pausePid'] as number, containers[0].pid as number];
      process.kill(pod.ready['monitorPid'] as number, 'SIGKILL');
      await pod.client.closed;
      for (let i = 0; i < 500 && pids.some(alive); i++) spawnSync('sleep', ['0.01']);
      expect(pids.filter(alive)).toEqual([]);
      expect(container).toBe('c1');
      expect(fs.existsSync(pod.socketPath)).toBe(true);
      const args = ['cleanup', '--config', '-', '--socket', pod.socketPath];
      expect(pod.network.run(binary, args, JSON.stringify(pod.config)).status).toBe(0);
      expect(fs.existsSync(pod.socketPath)).toBe(false);
      for (const folder of pod.cgroupFolders()) expect(fs.existsSync(path.join(folder, 'pod'))).toBe(false);
      expect(pod.network.run('ip', ['link', 'show', 'veth1']).status).not.toBe(0);
    });
  }, 30_000);

  it('death of pause ends the containers and is told', async () => {
    await withPod({}, async (pod) => {
      await pod.run(['sleep', '1000']);
      await pod.client.call('watch');
      process.kill(pod.ready['pausePid'] as number, 'SIGKILL');
      // In this order: a container must not look as if it could be started again.
      const [lost, exited] = [await pod.client.nextEvent(() => true), await pod.client.nextEvent(() => true)];
      expect([lost['event'], exited['event']]).toEqual(['sandboxExited', 'exited']);
      expect(exited['container']).toMatchObject({ id: 'c1', exitCode: 137, signal: 9 });
      expect((await pod.client.call('status'))['sandbox'].state).toBe('NotReady');
      expect(await pod.client.fails('start', { container: pod.container(['true']) })).toMatchObject({
        code: 'SandboxNotReady',
      });
    });
  }, 30_000);

  it('shutdown leaves no mounts, processes, links or cgroups', async () => {
    // Other tests mount and unmount beside this one: only what lies in a pod fixture's folder counts.
    const mounts = (): string =>
      fs
        .readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .filter((line) => line.includes('nocher-native-'))
        .join('\n');
    const before = mounts();
    await withPod({}, async (pod) => {
      await pod.run(['sh', '-c', 'trap "" TERM; sleep 1000 & sleep 1000 & wait']);
      expect(mounts()).toBe(before);
      const pids = pod
        .cgroupFolders()
        .flatMap((folder) =>
          fs.readFileSync(path.join(folder, 'pod/c1/cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number),
        );
      expect(pids.length).toBeGreaterThan(0);
      await pod.client.call('shutdown');
      await pod.client.closed;
      expect([...pids, pod.ready['pausePid'] as number].filter(alive)).toEqual([]);
      expect(mounts()).toBe(before);
      expect(pod.network.run('ip', ['link', 'show', 'veth1']).status).not.toBe(0);
      for (const folder of pod.cgroupFolders()) expect(fs.existsSync(path.join(folder, 'pod'))).toBe(false);
      expect(fs.existsSync(pod.socketPath)).toBe(false);
    });
  }, 30_000);
});
