/** On real devices, as root. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linuxMounter } from './host-mounter.ts';
import { attachLoopDevice, detachLoopDevice, hasLoopDevices } from './loop-device-for-tests.ts';

const suite = hasLoopDevices ? describe : describe.skip;

suite('linuxMounter.mountDevice()', () => {
  let folder: string;
  let device: string;
  const at = (name: string): string => join(folder, name);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'device-'));
    for (const name of ['first', 'second']) await mkdir(at(name));
    device = attachLoopDevice(at('disk'), 16 * 1024 * 1024);
  });
  afterEach(async () => {
    await linuxMounter.unmountBelow(folder);
    detachLoopDevice(device);
    await rm(folder, { recursive: true });
  });

  it('makes a file system where nothing is, and mounts what is there from then on, everywhere the same', async () => {
    const mount = { device, fsType: '', options: ['noatime'] };
    await linuxMounter.mountDevice(at('first'), mount);
    // Again: it is there.
    await linuxMounter.mountDevice(at('first'), mount);
    await writeFile(at('first/row'), 'kept');
    await linuxMounter.mountDevice(at('second'), mount);
    expect(await readFile(at('second/row'), 'utf8')).toBe('kept');
    await linuxMounter.unmountBelow(at('first'));
    await linuxMounter.unmountBelow(at('second'));
    await expect(stat(at('first/row'))).rejects.toThrow('ENOENT');
    await linuxMounter.mountDevice(at('first'), { ...mount, fsType: 'ext4' });
    expect(await readFile(at('first/row'), 'utf8')).toBe('kept');
    const [line] = (await readFile('/proc/self/mountinfo', 'utf8'))
      .split('\n')
      .filter((one) => one.includes(at('first')));
    expect(line).toContain('noatime');
  });

  it('leaves alone what is there and is not what it is to be', async () => {
    spawnSync('mkfs.ext4', ['-F', device]);
    await expect(linuxMounter.mountDevice(at('first'), { device, fsType: 'xfs', options: [] })).rejects.toThrow(
      'failed to mount the volume as "xfs", it already contains ext4. Mount error: mount failed: exit status 32',
    );
    await linuxMounter.mountDevice(at('first'), { device, fsType: 'ext4', options: [] });
    expect((await stat(at('first/lost+found'))).isDirectory()).toBe(true);
  });

  it('makes no file system over partitions', async () => {
    // One partition of Linux, from 1 MiB on.
    const table = Buffer.alloc(512);
    table.writeUInt8(0x83, 450);
    table.writeUInt32LE(2048, 454);
    table.writeUInt32LE(8192, 458);
    table.writeUInt16LE(0xaa55, 510);
    await writeFile(device, table);
    await expect(linuxMounter.mountDevice(at('first'), { device, fsType: 'ext4', options: [] })).rejects.toThrow(
      'it already contains unknown data, probably partitions',
    );
  });

  it.each([
    ['none', 'format of disk "DEVICE" failed: type:("none") errcode:(-1) output:(there is no such program)'],
    ['../ext4', '"../ext4" is not a file system'],
  ])('refuses the file system %s', async (fsType, problem) => {
    await expect(linuxMounter.mountDevice(at('first'), { device, fsType, options: [] })).rejects.toThrow(
      problem.replace('DEVICE', device),
    );
  });
});
