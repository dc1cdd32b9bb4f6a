/**
 * Virtual machines of tests: qemu with Debian's cloud kernel, for what this host's own kernel cannot show (a pure
 * cgroup v2 host, a loss of power). No network, no KVM needed; boots in a few seconds.
 *
 * Kernel: `linux-image-cloud-amd64` of Debian, from /boot or else unpacked from its package into `dist/kernel`.
 * Initramfs: busybox, the modules of virtio disks, and an `/init` that mounts the first disk as `/`, runs the caller's
 * script there and powers off. Disks: ext4 images made of folders. Console: the first serial port, line by line.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  realpath,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { cpioArchive } from './cpio.ts';

const KERNEL_PACKAGE = 'linux-image-cloud-amd64';
const UNPACKED = join(import.meta.dirname, '../dist/kernel');
/** In the order of their dependencies; names as files, without `.ko`. */
const DISK_MODULES = [
  'virtio_ring',
  'virtio',
  'virtio_pci_modern_dev',
  'virtio_pci_legacy_dev',
  'virtio_pci',
  'virtio_blk',
];

export interface Kernel {
  image: string;
  /** `/lib/modules/<release>` of it. */
  modules: string;
}

export interface Disk {
  /** A raw image. The first disk is `/`. */
  path: string;
  readOnly?: boolean;
  /** A new file that takes every write and flush in order, for `losePower` of `write-log.ts`. */
  writeLog?: string;
}

export interface VirtualMachineOptions {
  kernel: Kernel;
  /** `/dev/vda`, `/dev/vdb`, ... in the guest. */
  disks: readonly Disk[];
  /** Run by `/tmp/busybox sh` with `/` on the first disk and /proc, /sys, /dev and /tmp mounted; the machine ends with it. */
  script: string;
  /** More modules to load, in order. */
  modules?: readonly string[];
  memoryMiB?: number;
  cpus?: number;
  /** Words for the kernel's command line. */
  commandLine?: string;
}

export interface VirtualMachine {
  /** What the console shows, without line ends. Ends with the machine. */
  lines: AsyncIterable<string>;
  /** Takes the power away: what the guest had not flushed to its disks is gone. */
  kill(): Promise<void>;
  /** Resolves when the machine is off. */
  ended: Promise<void>;
}

/** What is missing on this host for virtual machines, by name; undefined when nothing is. Fetches the kernel once. */
export function missingForVirtualMachines(): string | undefined {
  if (process.arch !== 'x64') return `a kernel for ${process.arch}`;
  for (const program of ['qemu-system-x86_64', 'busybox', 'mkfs.ext4', 'depmod']) {
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) return program;
  }
  return installedKernels().length > 0 || unpackKernel() ? undefined : KERNEL_PACKAGE;
}

/** Throws when there is none: ask `missingForVirtualMachines` first. */
export function findKernel(): Kernel {
  const [kernel] = installedKernels();
  if (kernel === undefined) throw new Error(`${KERNEL_PACKAGE} is missing`);
  return kernel;
}

function installedKernels(): Kernel[] {
  const script = 'ls -d /boot/vmlinuz-*-cloud-amd64 "$1"/boot/vmlinuz-*-cloud-amd64 2>/dev/null';
  const { stdout } = spawnSync('sh', ['-c', script, 'sh', UNPACKED], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .filter((image) => image !== '')
    .map((image) => {
      const release = image.slice(image.indexOf('/vmlinuz-') + '/vmlinuz-'.length);
      return { image, modules: join(dirname(image), '../lib/modules', release) };
    })
    .filter(({ modules }) => existsSync(modules));
}

/** The package's files without its installation, which would make this host boot from it. */
function unpackKernel(): boolean {
  const script = [
    'set -e',
    'mkdir -p "$1"',
    'cd "$1"',
    `package=$(apt-cache depends ${KERNEL_PACKAGE} | sed -n 's/.*Depends: \\(linux-image-.*\\)/\\1/p' | head -1)`,
    'apt-get download "$package"',
    'dpkg-deb -x "$package"_*.deb .',
    'rm "$package"_*.deb',
  ];
  return spawnSync('sh', ['-c', script.join('\n'), 'sh', UNPACKED]).status === 0;
}

/** Puts a program and the libraries that it is linked with into a folder that becomes a disk. */
export async function copyProgram(folder: string, program: string): Promise<void> {
  const linked = spawnSync('ldd', [program], { encoding: 'utf8' }).stdout;
  const libraries = [...linked.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!);
  for (const path of [program, ...libraries]) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(await realpath(path), target);
  }
}

/** Makes `image` an ext4 file system with a folder's content; owners become root. */
export async function makeDisk(image: string, options: { folder?: string; sizeMiB: number }): Promise<void> {
  await writeFile(image, '');
  await truncate(image, options.sizeMiB * 1024 * 1024);
  const content = options.folder === undefined ? [] : ['-d', options.folder];
  execFileSync('mkfs.ext4', ['-q', '-F', '-E', 'root_owner=0:0', ...content, image]);
}

/** Boots at once. Reading `lines` keeps the guest going: it waits while its console is not read. */
export async function startVirtualMachine(options: VirtualMachineOptions): Promise<VirtualMachine> {
  const { kernel, disks, memoryMiB = 512, cpus = 1, commandLine = '' } = options;
  const folder = await mkdtemp(join(tmpdir(), 'nocher-vm-'));
  const initramfs = join(folder, 'initramfs');
  await writeFile(initramfs, await initramfsOf(options));
  for (const { writeLog } of disks) if (writeLog !== undefined) await writeFile(writeLog, '');
  // An emulated processor takes all there is; the suites beside it measure time.
  const child = spawn(
    'nice',
    [
      ...['-n', '10', 'qemu-system-x86_64'],
      ...['-machine', 'q35,accel=tcg', '-cpu', 'max', '-smp', `${cpus}`, '-m', `${memoryMiB}`],
      ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-serial', 'stdio', '-net', 'none'],
      ...['-kernel', kernel.image, '-initrd', initramfs],
      ...['-append', `console=ttyS0 panic=-1 quiet loglevel=1 random.trust_cpu=on ${commandLine}`],
      ...disks.flatMap(driveOf),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = endOf(child).then(() => rm(folder, { recursive: true, force: true }));
  return {
    lines: createInterface({ input: child.stdout!, crlfDelay: Infinity }),
    ended,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function driveOf({ path, readOnly = false, writeLog }: Disk, i: number): string[] {
  const file = { driver: 'file', filename: path, 'read-only': readOnly };
  // With the log's size noted at every write, it is whole whenever the machine is killed.
  const logged = {
    driver: 'blklogwrites',
    file,
    log: { driver: 'file', filename: writeLog },
    'log-super-update-interval': 1,
  };
  const plain = { driver: 'raw', 'read-only': readOnly, file };
  const node = { 'node-name': `disk${i}`, ...(writeLog === undefined ? plain : logged) };
  return ['-blockdev', JSON.stringify(node), '-device', `virtio-blk-pci,drive=disk${i},write-cache=on`];
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
}

async function initramfsOf({ kernel, script, modules = [], disks }: VirtualMachineOptions): Promise<Buffer> {
  const busybox = spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim();
  const names = [...DISK_MODULES, ...modules];
  const files = await modulesOf(kernel, names);
  const init = [
    '#!/bin/busybox sh',
    'b=/bin/busybox',
    '$b mount -t devtmpfs dev /dev',
    ...names.map((name) => `$b insmod /modules/${name}.ko`),
    'n=0; while [ ! -b /dev/vda ] && [ $n -lt 100 ]; do $b sleep 0.1; n=$((n+1)); done',
    `$b mount -t ext4 -o ${disks[0]?.readOnly === true ? 'ro' : 'rw'} /dev/vda /root || echo "the first disk cannot be mounted"`,
    'for f in proc sys dev tmp; do $b mkdir -p /root/$f 2>/dev/null; done',
    '$b mount --move /dev /root/dev',
    '$b mount -t proc proc /root/proc',
    '$b mount -t sysfs sys /root/sys',
    '$b mount -t tmpfs tmp /root/tmp',
    '$b cp /script /root/tmp/script; $b cp /bin/busybox /root/tmp/busybox',
    '$b stty -F /root/dev/ttyS0 -onlcr 2>/dev/null',
    'echo "b=/tmp/busybox; \\$b sh /tmp/script; \\$b sync; \\$b poweroff -f" >/root/tmp/init',
    // Not chroot: the disk must be the root of the mount namespace, and the root that kernel threads see.
    'exec $b switch_root /root /tmp/busybox sh /tmp/init',
  ];
  return cpioArchive([
    { path: 'bin/busybox', content: await readFile(busybox), mode: 0o100755 },
    { path: 'init', content: Buffer.from(`${init.join('\n')}\n`), mode: 0o100755 },
    { path: 'script', content: Buffer.from(`${script}\n`), mode: 0o100644 },
    ...files.map(({ name, content }) => ({ path: `modules/${name}.ko`, content, mode: 0o100644 })),
  ]);
}

async function modulesOf({ modules }: Kernel, names: readonly string[]) {
  const all = await readdir(modules, { recursive: true });
  return Promise.all(
    names.map(async (name) => {
      const path = all.find((one) => one.endsWith(`/${name}.ko`));
      if (path === undefined) throw new Error(`the kernel has no module ${name}`);
      return { name, content: await readFile(join(modules, path)) };
    }),
  );
}

/** A folder for a disk's content with the directories that every root has. */
export async function makeRootFolder(folder: string): Promise<void> {
  for (const name of ['proc', 'sys', 'dev', 'tmp', 'etc', 'root', 'run', 'var', 'data']) {
    await mkdir(join(folder, name), { recursive: true });
  }
  await chmod(join(folder, 'tmp'), 0o1777);
}
