import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { build, cannotRun, Pod } from './pod-fixture.ts';
import type { Json } from './pod-fixture.ts';

const suite = cannotRun === undefined ? describe : describe.skip;

suite('native container: command, exit and identity', () => {
  let pod: Pod;
  beforeAll(async () => {
    build();
    pod = await new Pod().start();
  }, 120_000);
  afterAll(() => pod.stop());

  it('an exit code comes through, with times that are ordered', async () => {
    const { code, status } = await pod.shell('exit 42');
    expect(code).toBe(42);
    expect(status).toMatchObject({ state: 'Exited', reason: 'Error', oomKilled: false });
    expect(status['signal']).toBeUndefined();
    expect(String(status['startedAt']) < String(status['finishedAt'])).toBe(true);
    expect((await pod.shell('exit 0')).status['reason']).toBe('Completed');
  });

  it('a signal ends as 128 + its number', async () => {
    const id = await pod.run(['sleep', '1000']);
    await pod.client.call('signal', { container: id, signal: 'KILL' });
    expect(await pod.client.call('wait', { container: id })).toMatchObject({
      exitCode: 137,
      signal: 9,
      oomKilled: false,
    });
    expect(await pod.client.fails('signal', { container: id, signal: 'SIGTERM' })).toMatchObject({
      code: 'NotRunning',
    });
  });

  it('SIGTERM reaches a handler of PID 1', async () => {
    const id = await pod.run(['sh', '-c', 'trap "echo bye; exit 7" TERM; echo up; while true; do usleep 1000; done']);
    while (!pod.log(id, 'stdout').includes('up')) await pod.client.call('status');
    await pod.client.call('signal', { container: id, signal: 'SIGTERM' });
    expect(await pod.client.call('wait', { container: id })).toMatchObject({ exitCode: 7 });
    expect(pod.log(id, 'stdout')).toBe('up\nbye\n');
  });

  it.each<[string[], string, string, string]>([
    [['foo'], 'exec', 'exec: "foo": executable file not found in $PATH', 'ENOENT'],
    [['/foo'], 'exec', 'exec: "/foo": stat /foo: no such file or directory', 'ENOENT'],
    [['/etc/passwd'], 'exec', 'exec: "/etc/passwd": permission denied', 'EACCES'],
    [['/etc'], 'exec', 'exec: "/etc": is a directory', 'EISDIR'],
    [['/bin/script'], 'exec', 'exec /bin/script: no such file or directory', 'ENOENT'],
    [['/bin/garbage'], 'exec', 'exec /bin/garbage: exec format error', 'ENOEXEC'],
  ])('%j fails as runc says it', async (args, stage, message, errno) => {
    fs.writeFileSync(path.join(pod.layer, 'bin/script'), '#!/no/interpreter\n', { mode: 0o755 });
    fs.writeFileSync(path.join(pod.layer, 'bin/garbage'), '\x7fELF', { mode: 0o755 });
    const container = pod.container(args, { id: 'failing' });
    expect(await pod.client.fails('start', { container })).toEqual({ code: 'StartFailed', message, stage, errno });
    const { containers } = await pod.client.call('status');
    expect((containers as Json[]).map((one) => one['id'])).not.toContain('failing');
    for (const folder of pod.cgroupFolders()) expect(fs.existsSync(path.join(folder, 'pod/failing'))).toBe(false);
  });

  it.each<[string, Json, Json]>([
    [
      'a missing user',
      { user: { user: 'nobody' } },
      { code: 'StartFailed', message: 'unable to find user nobody: no matching entries in passwd file' },
    ],
    [
      'a missing group',
      { user: { user: 'root:none' } },
      { code: 'StartFailed', message: 'unable to find group none: no matching entries in group file' },
    ],
    [
      'a missing layer',
      { rootfs: { lowerDirs: ['/no/layer'] } },
      { code: 'StartFailed', stage: 'prepare', errno: 'ENOENT' },
    ],
    [
      'a missing source',
      { mounts: [{ source: '/no/source', destination: '/x' }] },
      { code: 'StartFailed', stage: 'prepare', errno: 'ENOENT' },
    ],
    [
      'a mount onto /',
      { mounts: [{ source: '/tmp', destination: '/' }] },
      { code: 'StartFailed', stage: 'setup', errno: 'EPERM' },
    ],
    [
      'a mount into /proc',
      { mounts: [{ source: '/tmp', destination: '/proc/sys' }] },
      { code: 'StartFailed', errno: 'EPERM' },
    ],
    ['an unknown capability', { capabilities: { bounding: ['CAP_FLY'] } }, { code: 'InvalidRequest' }],
    ['a wrong id', { id: '../x' }, { code: 'InvalidRequest' }],
    ['a reserved id', { id: 'sandbox' }, { code: 'InvalidRequest' }],
    ['no command', { args: [] }, { code: 'InvalidRequest' }],
  ])('%s is refused', async (_name, more, error) => {
    const container = { ...pod.container(['true'], { id: 'wrong' }), ...more };
    expect(await pod.client.fails('start', { container })).toMatchObject(error);
  });

  it('an id stays taken until it is removed', async () => {
    const container = pod.container(['true'], { id: 'once' });
    await pod.client.call('start', { container });
    await pod.client.call('wait', { container: 'once' });
    expect(await pod.client.fails('start', { container })).toMatchObject({ code: 'AlreadyExists' });
    await pod.client.call('remove', { container: 'once' });
    await pod.client.call('start', { container });
    await pod.client.call('remove', { container: 'once' });
    expect(await pod.client.fails('remove', { container: 'once' })).toMatchObject({ code: 'NotFound' });
  });

  it.each<[Json, string, string]>([
    [{}, 'uid=0(root) gid=0(root) groups=0(root)', '/root'],
    [{ user: 'www' }, 'uid=33(www) gid=34(web) groups=34(web),77(extra)', '/var/www'],
    [{ user: '33', group: '50' }, 'uid=33(www) gid=50(staff) groups=50(staff),77(extra)', '/var/www'],
    [
      { user: 'www:staff', supplementalGroups: [2000] },
      'uid=33(www) gid=50(staff) groups=50(staff),77(extra),2000',
      '/var/www',
    ],
    [
      { user: 'www', supplementalGroups: [9], supplementalGroupsPolicy: 'Strict' },
      'uid=33(www) gid=34(web) groups=9,34(web)',
      '/var/www',
    ],
    [{ user: '1234' }, 'uid=1234 gid=0(root) groups=0(root)', '/'],
  ])('user %j is %s', async (user, ids, home) => {
    const { stdout } = await pod.shell('id; echo $HOME', { user });
    expect(stdout).toBe(`${ids}\n${home}\n`);
  });

  it('default capabilities for root, none in effect for others, and exactly those asked for', async () => {
    const script = 'grep -E "Cap(Inh|Prm|Eff|Bnd|Amb)|NoNew|Seccomp:" /proc/self/status | tr -d "\\t "';
    const root = await pod.shell(script);
    expect(root.stdout).toContain(
      'CapPrm:00000000a80425fb\nCapEff:00000000a80425fb\nCapBnd:00000000a80425fb\nCapAmb:0000000000000000',
    );
    expect(root.stdout).toContain('NoNewPrivs:0\nSeccomp:0');
    const user = await pod.shell(script, { user: { user: '1000' }, noNewPrivileges: true, seccomp: 'RuntimeDefault' });
    expect(user.stdout).toContain('CapPrm:0000000000000000\nCapEff:0000000000000000\nCapBnd:00000000a80425fb');
    expect(user.stdout).toContain('NoNewPrivs:1\nSeccomp:2');
    const set = ['NET_BIND_SERVICE'];
    const sets = { bounding: set, permitted: set, effective: set, inheritable: set, ambient: set };
    const ambient = await pod.shell(script, { user: { user: '1000' }, capabilities: sets });
    expect(ambient.stdout).toContain('CapEff:0000000000000400\nCapBnd:0000000000000400\nCapAmb:0000000000000400');
  });

  it('environment, working directory, umask and signals are fresh', async () => {
    const { stdout } = await pod.shell('env; pwd; umask', {
      env: ['A=b c'],
      cwd: '/made/here',
    });
    expect(stdout).toContain('A=b c\n');
    expect(stdout).toContain('PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n');
    expect(stdout).toContain('\n/made/here\n0022\n');
    const id = await pod.run(['grep', '-E', 'SigBlk|SigIgn', '/proc/self/status']);
    await pod.client.call('wait', { container: id });
    expect(pod.log(id, 'stdout')).toBe('SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n');
    expect(stdout).not.toContain('NODE');
  });

  it('rlimits are set, and clamped with a warning where they may not be raised', async () => {
    const hard = Number(/Max open files\s+\d+\s+(\d+)/.exec(fs.readFileSync('/proc/self/limits', 'utf8'))?.[1]);
    const rlimits = [
      { type: 'RLIMIT_NOFILE', soft: 256, hard: hard + 1000 },
      { type: 'CORE', soft: 0, hard: 0 },
    ];
    const container = pod.container(['sh', '-c', 'ulimit -n; ulimit -Hn; ulimit -c'], { rlimits });
    const { warnings } = await pod.client.call('start', { container });
    await pod.client.call('wait', { container: container['id'] });
    const [soft, highest, core] = pod.log(container['id'] as string, 'stdout').split('\n');
    expect([soft, core]).toEqual(['256', '0']);
    if (Number(highest) === hard) expect(warnings[0]).toContain(`from ${hard + 1000} to ${hard}`);
    else expect(Number(highest)).toBe(hard + 1000);
  });
});

suite('native container: the root and what a hostile one can reach', () => {
  let pod: Pod;
  beforeAll(async () => {
    build();
    pod = await new Pod().start();
  }, 120_000);
  afterAll(() => pod.stop());

  it('only 0, 1, 2 are open, and none of them is a file of the host', async () => {
    const { stdout } = await pod.shell('readlink -f /proc/self/fd/0; exec /bin/busybox ls /proc/self/fd', {
      seccomp: 'RuntimeDefault',
    });
    // The last one is ls's own directory.
    expect(stdout).toBe('/dev/null\n0\n1\n2\n3\n');
    const before = fs.statSync('/dev/null').mode;
    await pod.shell('chmod 000 /proc/self/fd/0; chmod 000 /dev/null');
    expect(fs.statSync('/dev/null').mode).toBe(before);
  });

  it('the root is the overlay: writes stay in the upper layer, readOnly refuses them', async () => {
    await pod.shell('echo hi > /etc/new', { id: 'writer' });
    expect(fs.readFileSync(path.join(pod.folder, 'writer.upper/etc/new'), 'utf8')).toBe('hi\n');
    expect(fs.existsSync(path.join(pod.layer, 'etc/new'))).toBe(false);
    const sealed = await pod.shell('echo hi > /etc/new; echo > /tmp/x; echo ok > /dev/shm/x', {
      rootfs: { readOnly: true },
    });
    expect(sealed.stderr).toContain("can't create /etc/new: Read-only file system");
    expect(sealed.stderr).toContain("can't create /tmp/x: Read-only file system");
    expect(sealed.code).toBe(0);
  });

  it('takes a hundred layers with long paths', async () => {
    const lowerDirs = Array.from({ length: 100 }, (_, i) => path.join(pod.folder, `${'l'.repeat(180)}${i}`));
    for (const [i, folder] of lowerDirs.entries()) {
      fs.mkdirSync(folder);
      fs.writeFileSync(path.join(folder, `file${i}`), `${i}`);
      fs.writeFileSync(path.join(folder, 'same'), `${i}`);
    }
    const { stdout } = await pod.shell('ls / | grep -c file; cat /same', {
      rootfs: { lowerDirs: [...lowerDirs, pod.layer] },
    });
    expect(stdout).toBe('100\n0');
  });

  it('/proc and /sys are masked and read-only as containerd has them', async () => {
    const script = `wc -c < /proc/keys; wc -c < /proc/timer_list; ls /sys/firmware | wc -l; ls /proc/acpi 2>/dev/null | wc -l
      echo 1 > /proc/sys/kernel/panic; mkdir /sys/fs/cgroup/pids/x /sys/fs/cgroup/x; true`;
    const { stdout, stderr } = await pod.shell(script);
    expect(stdout).toBe('0\n0\n0\n0\n');
    expect(stderr.match(/Read-only file system/g)?.length).toBe(3);
    const open = await pod.shell('wc -c < /proc/timer_list; true', { maskedPaths: [], readonlyPaths: [] });
    expect(Number(open.stdout)).toBeGreaterThan(0);
  });

  it('/dev has the standard devices and no others', async () => {
    const { stdout } = await pod.shell(
      'ls /dev; echo x > /dev/null; head -c4 /dev/zero | wc -c; ls -l /dev/stdout /dev/ptmx; echo q > /dev/full',
    );
    const names = 'core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero';
    expect(stdout.split('\n').slice(0, 15)).toEqual(names.split(' '));
    expect(stdout).toContain('\n4\n');
    expect(stdout).toContain('/dev/ptmx -> pts/ptmx');
  });

  it('a made device node cannot be opened, although CAP_MKNOD allows making it', async () => {
    const { rdev } = fs.statSync(
      fs
        .readdirSync('/dev')
        .map((name) => `/dev/${name}`)
        .find((name) => fs.statSync(name, { throwIfNoEntry: false })?.isBlockDevice()) ?? '/dev/null',
    );
    const script = `mknod /tmp/disk b ${rdev >> 8} ${rdev & 255} && head -c1 /tmp/disk; mknod /dev/kmsg2 c 1 11; head -c1 /dev/kmsg2; true`;
    const { stderr, stdout } = await pod.shell(script);
    expect(stdout).toBe('');
    expect(stderr.match(/Operation not permitted/g)?.length).toBe(2);
  });

  it('privileged: devices, all capabilities, writable /sys', async () => {
    const script =
      'ls /dev | wc -l; grep CapEff /proc/self/status; touch /sys/fs/cgroup/pids/tasks && echo writable; head -c1 /dev/kmsg >/dev/null && echo opened';
    const { stdout } = await pod.shell(script, { privileged: true });
    expect(Number(stdout.split('\n')[0])).toBeGreaterThan(15);
    expect(stdout).toContain('writable');
    expect(stdout).toContain('opened');
    expect(stdout).not.toContain('00000000a80425fb');
  });

  it('devices that were asked for can be opened', async () => {
    const devices = [{ path: '/dev/deep/tun', hostPath: '/dev/net/tun' }];
    const { stdout } = await pod.shell(': < /dev/deep/tun && echo opened', { devices });
    expect(stdout).toBe('opened\n');
  });

  it('devices may be anywhere, also in a volume, but not where the system is, and for reading only', async () => {
    const volume = path.join(pod.folder, 'with-device');
    fs.mkdirSync(volume);
    const mounts = [{ source: volume, destination: '/volume' }];
    const hostPath = '/dev/net/tun';
    const devices = [
      { path: '/mnt/deep/tun', hostPath },
      { path: '/volume/tun', hostPath },
    ];
    const script = 'for file in /mnt/deep/tun /volume/tun; do : <> $file && stat -c %F $file; done; ls -A /dev';
    const { stdout } = await pod.shell(script, { devices, mounts });
    expect(stdout.split('\n').slice(0, 2)).toEqual(['character special file', 'character special file']);
    expect(stdout).not.toContain('.placed');
    const readOnly = [{ path: '/mnt/tun', hostPath, readOnly: true }];
    const { stdout: read, stderr } = await pod.shell(
      '(: < /mnt/tun) && echo read; (: > /mnt/tun) || (mknod /tmp/tun c 10 200; : > /tmp/tun)',
      { devices: readOnly },
    );
    expect(read).toBe('read\n');
    expect(stderr.match(/Operation not permitted/g)?.length).toBe(2);
  });

  it.each([
    ['/proc/cpuinfo', 'Operation not permitted'],
    ['/dev/../tun', 'not an absolute path'],
    ['tun', 'not an absolute path'],
  ])('refuses a device at %s', async (place, problem) => {
    await expect(pod.shell('true', { devices: [{ path: place, hostPath: '/dev/net/tun' }] })).rejects.toThrow(problem);
  });

  it('binds files and folders, read-only or not, and makes missing mount points', async () => {
    const volume = path.join(pod.folder, 'volume');
    fs.mkdirSync(path.join(volume, 'sub'), { recursive: true });
    fs.writeFileSync(path.join(volume, 'file'), 'from the host');
    const mounts = [
      { source: volume, destination: '/a/b/data' },
      { source: volume, destination: '/ro', readOnly: true },
      { source: path.join(volume, 'file'), destination: '/etc/made/file' },
      { source: volume, subPath: 'sub', destination: '/sub' },
      { source: volume, subPath: 'new/deep', destination: '/deep' },
      { type: 'tmpfs', destination: '/scratch', sizeBytes: 1 << 20 },
    ];
    const script =
      'cat /etc/made/file; echo 1 > /a/b/data/written; echo 2 > /sub/written; echo 3 > /deep/x; echo 4 > /scratch/y; echo no > /ro/x';
    const { stdout, stderr } = await pod.shell(script, { mounts });
    expect(stdout).toBe('from the host');
    expect(stderr).toContain("can't create /ro/x: Read-only file system");
    expect(fs.readFileSync(path.join(volume, 'written'), 'utf8')).toBe('1\n');
    expect(fs.readFileSync(path.join(volume, 'sub/written'), 'utf8')).toBe('2\n');
    expect(fs.readFileSync(path.join(volume, 'new/deep/x'), 'utf8')).toBe('3\n');
  });

  it('recursive read-only and propagation follow the mount', async () => {
    const outer = path.join(pod.folder, 'outer');
    fs.mkdirSync(path.join(outer, 'inner'), { recursive: true });
    const make = spawnSync('mount', ['-t', 'tmpfs', 'none', outer]);
    expect(make.status).toBe(0);
    try {
      spawnSync('mount', ['--make-shared', outer]);
      fs.mkdirSync(path.join(outer, 'inner'));
      spawnSync('mount', ['-t', 'tmpfs', 'none', path.join(outer, 'inner')]);
      const script =
        'echo > /plain/inner/x && echo wrote; echo > /all/inner/x || echo refused; mkdir /back/m; mount -t tmpfs none /back/m';
      const mounts = [
        { source: outer, destination: '/plain', readOnly: true },
        { source: outer, destination: '/all', readOnly: true, recursiveReadOnly: true },
        { source: outer, destination: '/back', propagation: 'shared' },
      ];
      const { stdout } = await pod.shell(script, { mounts, privileged: true });
      expect(stdout).toBe('wrote\nrefused\n');
      expect(fs.readFileSync('/proc/self/mountinfo', 'utf8')).toContain(`${outer}/m `);
    } finally {
      for (const mount of ['m', 'inner', '']) spawnSync('umount', [path.join(outer, mount)]);
    }
  });

  it.each<[string, string]>([
    ['an absolute link to the host', '/link/made'],
    ['a relative link that climbs', '/climb/made'],
    ['dots', '/../../../made'],
    ['a dangling link', '/dangling/made'],
  ])('a destination through %s stays inside', async (_name, destination) => {
    const target = path.join(pod.folder, 'outside');
    fs.mkdirSync(target, { recursive: true });
    for (const [name, to] of [
      ['link', target],
      ['climb', `../../../../..${target}`],
      ['dangling', '/not/there'],
    ] as const) {
      fs.rmSync(path.join(pod.layer, name), { force: true });
      fs.symlinkSync(to, path.join(pod.layer, name));
    }
    const source = path.join(pod.folder, 'payload');
    fs.writeFileSync(source, 'payload');
    const { stdout } = await pod.shell(`cat ${destination}`, { mounts: [{ source, destination }] });
    expect(stdout).toBe('payload');
    expect(fs.readdirSync(target)).toEqual([]);
    expect(fs.existsSync('/not')).toBe(false);
  });

  it.each([['../etc'], ['/etc'], ['out'], ['absolute']])(
    'a subPath %s that leaves its volume fails',
    async (subPath) => {
      const source = path.join(pod.folder, 'evil');
      fs.mkdirSync(source, { recursive: true });
      for (const [name, to] of [
        ['out', '../..'],
        ['absolute', '/etc'],
      ] as const) {
        fs.rmSync(path.join(source, name), { force: true });
        fs.symlinkSync(to, path.join(source, name));
      }
      const container = pod.container(['true'], { id: 'escapes', mounts: [{ source, subPath, destination: '/x' }] });
      expect(await pod.client.fails('start', { container })).toMatchObject({ code: 'StartFailed', errno: 'EXDEV' });
    },
  );

  it('/etc/passwd that links out is read inside', async () => {
    fs.rmSync(path.join(pod.layer, 'etc/passwd'));
    fs.symlinkSync('/../../../../../../etc/shadow-passwd', path.join(pod.layer, 'etc/passwd'));
    const container = pod.container(['true'], { id: 'reader', user: { user: 'daemon' } });
    expect((await pod.client.fails('start', { container }))['message']).toContain('unable to find user daemon');
    fs.rmSync(path.join(pod.layer, 'etc/passwd'));
    fs.writeFileSync(path.join(pod.layer, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  });

  it('a log path that is a link is refused', async () => {
    const link = path.join(pod.folder, 'link.log');
    fs.symlinkSync('/etc/hostname', link);
    const container = pod.container(['true'], { id: 'linked', log: { path: link } });
    expect(await pod.client.fails('start', { container })).toMatchObject({ code: 'StartFailed', errno: 'ELOOP' });
  });

  it('RuntimeDefault refuses what Docker refuses and lets programs run', async () => {
    const script = 'unshare -U true; unshare -m true; mount -t tmpfs none /tmp; echo done';
    const { stdout, stderr } = await pod.shell(script, { seccomp: 'RuntimeDefault' });
    expect(stdout).toBe('done\n');
    expect(stderr.match(/Operation not permitted|permission denied/g)?.length).toBe(3);
    const profile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 122 }],
    };
    expect((await pod.shell('mkdir /x', { seccomp: profile })).stderr).toContain('quota exceeded');
  });
});
