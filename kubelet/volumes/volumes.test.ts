import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  access,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Volume } from '../../api/core/v1/pod/types.ts';
import { ApiError } from '../../api/machinery/errors.ts';
import { realClock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import { POD_UID, testPod } from '../testing.ts';
import { writeAtomically } from './atomic-writer.ts';
import { volumeDevicesOf, volumeMountsOf, withManagedFiles } from './container-mounts.ts';
import { setUpEmptyDir } from './empty-dir.ts';
import { noMounter } from './host-mounter.ts';
import type { VolumeSources } from './payloads.ts';
import { VolumeManager } from './volume-manager.ts';
import type { MountedVolume, MountedVolumes } from './volume-manager.ts';

const file = (text: string, mode = 0o644) => ({ data: Buffer.from(text), mode });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'volumes-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('writeAtomically()', () => {
  const target = () => join(folder, 'volume');
  const write = (files: Record<string, ReturnType<typeof file>>) =>
    writeAtomically(target(), new Map(Object.entries(files)), { nowMs: Date.UTC(2026, 0, 1) });

  it('writes files behind links through ..data, with their modes', async () => {
    expect(write({ a: file('1', 0o400), 'sub/b': file('2') })).toBe(true);
    expect(await readFile(join(target(), 'sub/b'), 'utf8')).toBe('2');
    expect(await readlink(join(target(), 'a'))).toBe('..data/a');
    expect((await stat(join(target(), 'a'))).mode & 0o777).toBe(0o400);
    expect(await readlink(join(target(), '..data'))).toMatch(/^\.\.2026_01_01_/);
  });

  it('changes nothing when nothing changed', async () => {
    write({ a: file('1') });
    const before = await readlink(join(target(), '..data'));
    expect(write({ a: file('1') })).toBe(false);
    expect(await readlink(join(target(), '..data'))).toBe(before);
  });

  it('swaps the whole set, and leaves nothing of the old one', async () => {
    write({ a: file('1'), gone: file('x') });
    expect(write({ a: file('2'), b: file('3') })).toBe(true);
    expect(await readFile(join(target(), 'a'), 'utf8')).toBe('2');
    const names = await readdir(target());
    expect(names.filter((name) => !name.startsWith('..'))).toEqual(['a', 'b']);
    expect(names).toHaveLength(4);
  });

  it.each(['../escape', '/absolute', 'a/../../b', '..data', '', 'a//b'])('refuses the path %j', async (path) => {
    expect(() => write({ [path]: file('x') })).toThrow('invalid path');
    await expect(access(join(folder, 'escape'))).rejects.toThrow('ENOENT');
  });
});

describe('VolumeManager', () => {
  const configMaps = new Map<string, Record<string, string>>();
  const sources: VolumeSources = {
    facts: { nodeName: 'node-1', hostIps: ['10.0.0.1'], podIps: ['10.244.0.5'] },
    allocatable: {},
    configMap: (_namespace, name) =>
      Promise.resolve(configMaps.has(name) ? { metadata: {}, data: configMaps.get(name)! } : undefined),
    secret: () => Promise.resolve({ metadata: {}, data: { key: Buffer.from('secret').toString('base64') } }),
    token: () => Promise.resolve('a.b.c'),
  };
  const manager = () =>
    new VolumeManager({
      folders: { folder: join(folder, 'pods'), secretFolder: join(folder, 'memory'), logFolder: join(folder, 'logs') },
      client: {} as Client,
      clock: realClock,
      mounter: noMounter,
    });
  const setUp = (volumes: Volume[], spec = {}) => manager().setUp(testPod({ volumes, ...spec }), sources);

  it('sets up every sort of volume, read-only where it is the kubelet that writes', async () => {
    configMaps.set('settings', { color: 'blue' });
    const { mounted, failures } = await setUp([
      { name: 'empty', emptyDir: {} },
      {
        name: 'config',
        configMap: { name: 'settings', items: [{ key: 'color', path: 'deep/color.txt', mode: 0o600 }] },
      },
      { name: 'secret', secret: { secretName: 'x', defaultMode: 0o440 } },
      { name: 'down', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
      {
        name: 'access',
        projected: { sources: [{ serviceAccountToken: { path: 'token' } }, { configMap: { name: 'settings' } }] },
      },
    ]);
    expect(failures).toEqual([]);
    const read = (name: string, path: string) => readFile(join(mounted.get(name)!.path, path), 'utf8');
    expect(await read('config', 'deep/color.txt')).toBe('blue');
    expect(await read('secret', 'key')).toBe('secret');
    expect(await read('down', 'name')).toBe('web-1');
    expect([await read('access', 'token'), await read('access', 'color')]).toEqual(['a.b.c', 'blue']);
    expect([...mounted].map(([name, { readOnly }]) => `${name}:${readOnly}`).sort()).toEqual([
      'access:true',
      'config:true',
      'down:true',
      'empty:false',
      'secret:true',
    ]);
    expect((await stat(mounted.get('empty')!.path)).mode & 0o777).toBe(0o777);
    expect(mounted.get('secret')!.path.startsWith(join(folder, 'memory', POD_UID))).toBe(true);
  });

  it('says which volume fails and why, and sets up the others', async () => {
    const { mounted, failures } = await setUp([
      { name: 'empty', emptyDir: {} },
      { name: 'none', configMap: { name: 'nothing' } },
      { name: 'maybe', configMap: { name: 'nothing', optional: true } },
      { name: 'key', configMap: { name: 'settings', items: [{ key: 'nope', path: 'nope' }] } },
      { name: 'host', hostPath: { path: join(folder, 'absent'), type: 'Directory' } },
    ]);
    expect([...mounted.keys()].sort()).toEqual(['empty', 'maybe']);
    expect(Object.fromEntries(failures.map(({ volume, message }) => [volume, message]))).toEqual({
      none: 'configmap "nothing" not found',
      key: 'references non-existent config key: nope',
      host: `hostPath type check failed: ${join(folder, 'absent')} is not a directory`,
    });
  });

  it('follows a config map that changes', async () => {
    const volumes = [{ name: 'config', configMap: { name: 'settings' } }];
    configMaps.set('settings', { color: 'blue' });
    const { mounted } = await setUp(volumes);
    configMaps.set('settings', { color: 'red' });
    await setUp(volumes);
    expect(await readFile(join(mounted.get('config')!.path, 'color'), 'utf8')).toBe('red');
  });

  it('finishes an empty folder that a kubelet was killed over, and mounts memory that is gone', async () => {
    const mounts: string[] = [];
    const mounter = {
      ...noMounter,
      mountTmpfs: (path: string, { mode = 0 }) => {
        mounts.push(`${basename(path)} ${mode.toString(8)}`);
        return Promise.resolve(true);
      },
    };
    const path = join(folder, 'volume');
    await mkdir(`${path}.new/half`, { recursive: true, mode: 0o700 });
    const setUpOne = () => setUpEmptyDir({ folder: path, source: { medium: 'Memory' }, group: undefined, mounter });
    await setUpOne();
    expect((await stat(path)).mode & 0o777).toBe(0o777);
    expect(await readdir(folder)).toEqual(['volume']);
    // After a reboot.
    await setUpOne();
    expect(mounts).toEqual(['volume 777', 'volume 777']);
  });

  it('keeps what is in an empty folder, and removes all with the pod', async () => {
    const volumes = [{ name: 'empty', emptyDir: {} }];
    const path = (await setUp(volumes)).mounted.get('empty')!.path;
    await writeFile(join(path, 'data'), 'kept');
    const outside = join(folder, 'outside');
    await writeFile(outside, 'safe');
    await symlink(outside, join(path, 'link'));
    await setUp(volumes);
    expect(await readFile(join(path, 'data'), 'utf8')).toBe('kept');
    expect(await manager().podUids()).toEqual([POD_UID]);
    await manager().tearDown(POD_UID);
    expect(await manager().podUids()).toEqual([]);
    expect(await readFile(outside, 'utf8')).toBe('safe');
  });
});

describe('volumes of claims', () => {
  const disk = () => join(folder, 'disk');
  const claim = { metadata: {}, spec: { volumeName: 'pv' }, status: { phase: 'Bound' } };
  const claimRef = { namespace: 'default', name: 'data' };
  const bound = (spec: object) => ({ metadata: { name: 'pv' }, spec: { claimRef, ...spec } });
  /** What the API has, by kind. */
  const managerOf = (objects: Record<string, object>) => {
    const get: Client['get'] = <T>(resource: { names: { kind: string } }) => {
      const found = objects[resource.names.kind];
      if (found === undefined) throw new ApiError({ code: 404, reason: 'NotFound', message: 'none' });
      return Promise.resolve(found as T);
    };
    const options = { client: { get } as Client, clock: realClock, mounter: noMounter };
    const folders = {
      folder: join(folder, 'pods'),
      secretFolder: join(folder, 'memory'),
      logFolder: join(folder, 'logs'),
    };
    return new VolumeManager({ ...options, folders });
  };
  const setUpWith = (objects: Record<string, object>, { volume = {}, spec = {} } = {}) => {
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' }, ...volume }];
    return managerOf(objects).setUp(testPod({ volumes, ...spec }), {} as VolumeSources);
  };
  const failure = async (...args: Parameters<typeof setUpWith>) => (await setUpWith(...args)).failures;

  it('mounts the folder of a local volume, and gives it to the group of the pod', async () => {
    await mkdir(disk());
    await writeFile(join(disk(), 'row'), 'data', { mode: 0o600 });
    const objects = { PersistentVolumeClaim: claim, PersistentVolume: bound({ local: { path: disk() } }) };
    const group = process.getgid?.() ?? 0;
    const spec = { securityContext: { fsGroup: group } };
    const { mounted, failures } = await setUpWith(objects, { spec });
    expect(failures).toEqual([]);
    expect(mounted.get('v')).toEqual({ path: disk(), readOnly: false });
    expect((await stat(disk())).mode & 0o7770).toBe(0o2770);
    expect((await stat(join(disk(), 'row'))).mode & 0o777).toBe(0o660);
    await chmod(join(disk(), 'row'), 0o600);
    const onMismatch = { securityContext: { fsGroup: group, fsGroupChangePolicy: 'OnRootMismatch' } };
    await setUpWith(objects, { spec: onMismatch });
    expect((await stat(join(disk(), 'row'))).mode & 0o777).toBe(0o600);
  });

  it('leaves a folder that is only read as it is', async () => {
    await mkdir(disk());
    await chmod(disk(), 0o700);
    const objects = { PersistentVolumeClaim: claim, PersistentVolume: bound({ local: { path: disk() } }) };
    const volume = { persistentVolumeClaim: { claimName: 'data', readOnly: true } };
    const { mounted } = await setUpWith(objects, { volume, spec: { securityContext: { fsGroup: 1 } } });
    expect(mounted.get('v')).toEqual({ path: disk(), readOnly: true });
    expect((await stat(disk())).mode & 0o777).toBe(0o700);
  });

  it('says what is wrong with a claim', async () => {
    const start = 'error processing PVC default/data: ';
    const message = async (objects: Record<string, object>) => (await failure(objects))[0];
    expect(await message({})).toEqual({
      volume: 'v',
      reason: 'FailedMount',
      message: `${start}failed to fetch PVC from API server: persistentvolumeclaims "data" not found`,
    });
    const pending = { ...claim, status: { phase: 'Pending' } };
    expect(await message({ PersistentVolumeClaim: pending })).toEqual({
      volume: 'v',
      reason: 'FailedMount',
      message: `${start}PVC is not bound`,
    });
    const missing = {
      volume: 'v',
      reason: 'FailedMount',
      message: `${start}failed to fetch PV pv from API server: persistentvolumes "pv" not found`,
    };
    expect(await message({ PersistentVolumeClaim: claim })).toEqual(missing);
    const others = { metadata: {}, spec: { claimRef: { namespace: 'default', name: 'other' } } };
    const found = await message({ PersistentVolumeClaim: claim, PersistentVolume: others });
    expect(found?.message).toBe(`${start}found PV object pv with nil or another pv.Spec.ClaimRef`);
  });

  it('gives a volume for one pod to one pod, until that is gone', async () => {
    await mkdir(disk());
    const single = bound({ local: { path: disk() }, accessModes: ['ReadWriteOncePod'] });
    const volumes = managerOf({ PersistentVolumeClaim: claim, PersistentVolume: single });
    const podWithUid = (uid: string) => {
      const pod = testPod({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] });
      return { ...pod, metadata: { ...pod.metadata, uid } };
    };
    const failuresOf = async (uid: string) => (await volumes.setUp(podWithUid(uid), {} as VolumeSources)).failures;
    expect(await failuresOf('first')).toEqual([]);
    expect(await failuresOf('first')).toEqual([]);
    const message = 'volume uses the ReadWriteOncePod access mode and is already in use by another pod';
    expect(await failuresOf('second')).toMatchObject([{ volume: 'v', message }]);
    await volumes.tearDown('first');
    expect(await failuresOf('second')).toEqual([]);
  });

  it('says by its own name what is wrong with a volume', async () => {
    const event = async (spec: object, podSpec = {}) =>
      (await failure({ PersistentVolumeClaim: claim, PersistentVolume: bound(spec) }, { spec: podSpec }))[0]?.event;
    expect(await event({ local: { path: disk() } })).toBe(
      `MountVolume.NewMounter initialization failed for volume "pv" : path "${disk()}" does not exist`,
    );
    expect(await event({ hostPath: { path: disk(), type: 'Directory' } })).toBe(
      `MountVolume.SetUp failed for volume "pv" : hostPath type check failed: ${disk()} is not a directory`,
    );
    await writeFile(disk(), 'no folder');
    expect(await event({ local: { path: disk() } })).toBe(
      'MountVolume.NewMounter initialization failed for volume "pv" : only directory and block device are supported',
    );
    const map = 'MapVolume.MapBlockVolume failed for volume "pv" :';
    expect(await event({ volumeMode: 'Block', local: { path: '/dev/null' } })).toBe(
      `${map} path "/dev/null" is not a block device`,
    );
    expect(await event({ volumeMode: 'Block', local: { path: '/dev/none' } })).toBe(
      `${map} path "/dev/none" does not exist`,
    );
    expect(await event({ volumeMode: 'Block', hostPath: { path: '/dev/none', type: 'BlockDevice' } })).toBe(
      `${map} path "/dev/none" does not exist`,
    );
    expect(await event({ volumeMode: 'Block', hostPath: { path: '/dev/null', type: '' } })).toContain(
      'MapVolume.FindMapperPluginBySpec failed to find BlockVolumeMapper plugin. Volume plugin is nil. for volume "pv"',
    );
    const [mapping] = await failure({
      PersistentVolumeClaim: claim,
      PersistentVolume: bound({ volumeMode: 'Block', local: { path: '/dev/none' } }),
    });
    expect(mapping?.reason).toBe('FailedMapVolume');
    const mounting = { containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }] };
    const objects = { PersistentVolumeClaim: claim, PersistentVolume: bound({ volumeMode: 'Block' }) };
    const [found] = await failure(objects, { spec: mounting });
    expect(found?.message).toBe('volume v has volumeMode Block, but is specified in volumeMounts');
    const mapped = { containers: [{ name: 'c', image: 'i', volumeDevices: [{ name: 'v', devicePath: '/v' }] }] };
    const filed = { PersistentVolumeClaim: claim, PersistentVolume: bound({ local: { path: disk() } }) };
    expect((await failure(filed, { spec: mapped }))[0]?.message).toBe(
      'volume v has volumeMode Filesystem, but is specified in volumeDevices',
    );
  });
});

describe('volumeMountsOf()', () => {
  const mounted = new Map([
    ['data', { path: '/pods/data', readOnly: false }],
    ['config', { path: '/pods/config', readOnly: true }],
  ]);
  const mountsOf = (...volumeMounts: object[]) =>
    volumeMountsOf({ name: 'web', volumeMounts } as never, mounted, [{ key: 'POD', value: 'web-1' }]);

  it('mounts as asked, and what the kubelet writes always read-only', () => {
    expect(
      mountsOf(
        { name: 'data', mountPath: '/data', subPathExpr: 'logs/$(POD)' },
        { name: 'config', mountPath: 'etc/app', mountPropagation: 'HostToContainer' },
      ),
    ).toEqual([
      {
        containerPath: '/data',
        hostPath: '/pods/data',
        subPath: 'logs/web-1',
        readOnly: false,
        propagation: 'private',
      },
      { containerPath: '/etc/app', hostPath: '/pods/config', readOnly: true, propagation: 'host-to-container' },
    ]);
  });

  it.each([
    [{ name: 'nope', mountPath: '/x' }, 'cannot find volume "nope" to mount into container "web"'],
    [{ name: 'data', mountPath: '/x', subPath: '../../etc' }, "must not contain '..'"],
    [{ name: 'data', mountPath: '/x', subPath: '/etc' }, 'must not be an absolute path'],
    [{ name: 'data', mountPath: '/x', subPathExpr: '$(NOPE)' }, 'missing value for "NOPE"'],
  ])('refuses %j', (mount, message) => {
    expect(() => mountsOf(mount)).toThrow(message);
  });

  it('gives devices as asked, and no folder as one', () => {
    const devices: MountedVolumes = new Map<string, MountedVolume>([
      ...mounted,
      ['disk', { path: '/dev/loop7', readOnly: false, isDevice: true }],
      ['tape', { path: '/dev/loop8', readOnly: true, isDevice: true }],
    ]);
    const devicesOf = (...volumeDevices: object[]) => volumeDevicesOf({ name: 'web', volumeDevices } as never, devices);
    expect(devicesOf({ name: 'disk', devicePath: '/dev/xvda' }, { name: 'tape', devicePath: 'mnt/tape' })).toEqual([
      { containerPath: '/dev/xvda', hostPath: '/dev/loop7', readOnly: false },
      { containerPath: '/mnt/tape', hostPath: '/dev/loop8', readOnly: true },
    ]);
    for (const name of ['data', 'nope'])
      expect(() => devicesOf({ name, devicePath: '/x' })).toThrow(
        `cannot find volume "${name}" to pass into container "web"`,
      );
  });

  it.each(['/etc/hosts', '/etc//hosts/'])('prefers a volume at %s over a file of the kubelet', (containerPath) => {
    const hosts = {
      containerPath: '/etc/hosts',
      hostPath: '/k/hosts',
      readOnly: false,
      propagation: 'private',
    } as const;
    const own = { ...hosts, containerPath, hostPath: '/pods/hosts' };
    expect(
      withManagedFiles([own], [hosts, { ...hosts, containerPath: '/etc/resolv.conf' }]).map(({ hostPath }) => hostPath),
    ).toEqual(['/k/hosts', '/pods/hosts']);
  });
});
