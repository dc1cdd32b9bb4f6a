import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { copyProgram, findKernel, makeDisk, makeRootFolder } from './virtual-machine.ts';
import { missingForVirtualMachines, startVirtualMachine } from './virtual-machine.ts';

const missing = missingForVirtualMachines();
const test = missing === undefined ? it : it.skip;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nocher-vm-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('virtual machine', () => {
  test(`${missing === undefined ? '' : `(${missing} is missing) `}runs Node on a kernel with cgroup v2 alone`, async () => {
    const root = join(folder, 'root');
    await makeRootFolder(root);
    await copyProgram(root, process.execPath);
    const image = join(folder, 'root.img');
    await makeDisk(image, { folder: root, sizeMiB: 400 });
    const machine = await startVirtualMachine({
      kernel: findKernel(),
      disks: [{ path: image, readOnly: true }],
      script: [
        'b=/tmp/busybox',
        '$b mount -t cgroup2 none /sys/fs/cgroup',
        '$b cat /sys/fs/cgroup/cgroup.controllers',
        `${process.execPath} -p '"node " + process.version'`,
      ].join('\n'),
    });
    const lines: string[] = [];
    for await (const line of machine.lines) lines.push(line);
    await machine.ended;
    expect(lines[0]).toMatch(/cpu.*memory.*pids/);
    expect(lines[1]).toBe(`node ${process.version}`);
  }, 120_000);
});
