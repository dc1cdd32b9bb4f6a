/**
 * File systems on block devices of the node: made where a device holds nothing, checked, and mounted
 * (`k8s.io/mount-utils SafeFormatAndMount.FormatAndMount`). Never makes one where anything is.
 */
import { execFile } from 'node:child_process';
import { VolumeError } from './payloads.ts';

export interface DeviceMount {
  device: string;
  /** Of the file system that is made; `''`: upstream's default. */
  fsType: string;
  /** For `mount -o`. */
  options: readonly string[];
}

interface Ended {
  /** -1 when there is no such program. */
  code: number;
  stdout: string;
  stderr: string;
}

const DEFAULT_TYPE = 'ext4';
/** By `blkid`: nothing is known to be there. */
const NOTHING_FOUND = 2;
/** By `fsck`. */
const ERRORS_LEFT = 4;

/** Mounts at `path`, where nothing is mounted yet. Throws `VolumeError`. One call at a time for a device. */
export async function mountDevice(path: string, { device, fsType, options }: DeviceMount): Promise<void> {
  const type = fsType === '' ? DEFAULT_TYPE : fsType;
  // It becomes part of a program's name.
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(type)) throw new VolumeError(`${JSON.stringify(type)} is not a file system`);
  const present = await formatOf(device);
  if (present === '') await format(device, type);
  else await check(device);
  const { code, stderr } = await run('mount', ['-t', type, '-o', [...options, 'defaults'].join(','), device, path]);
  if (code === 0) return;
  const problem = `mount failed: exit status ${code}: ${stderr.trim()}`;
  const isAnother = present !== '' && present !== type;
  const other = `failed to mount the volume as ${JSON.stringify(type)}, it already contains ${present}. Mount error: `;
  throw new VolumeError(isAnother ? `${other}${problem}` : problem);
}

/** `''` only where nothing is. */
async function formatOf(device: string): Promise<string> {
  const { code, stdout, stderr } = await run('blkid', ['-p', '-s', 'TYPE', '-s', 'PTTYPE', '-o', 'export', device]);
  if (code === NOTHING_FOUND && stdout === '') return '';
  if (code !== 0) throw new VolumeError(`blkid: exit status ${code}: ${stderr.trim()}`);
  const facts = new Map(stdout.split('\n').map((line) => line.split('=') as [string, string]));
  if (facts.has('PTTYPE')) return 'unknown data, probably partitions';
  return facts.get('TYPE') ?? 'unknown data';
}

async function format(device: string, type: string): Promise<void> {
  const flags: Readonly<Record<string, string[]>> = { ext3: ['-F', '-m0'], ext4: ['-F', '-m0'], xfs: ['-f'] };
  const { code, stdout, stderr } = await run(`mkfs.${type}`, [...(flags[type] ?? []), device]);
  if (code === 0) return;
  const said = code === -1 ? 'there is no such program' : (stderr || stdout).trim();
  throw new VolumeError(
    `format of disk ${JSON.stringify(device)} failed: type:(${JSON.stringify(type)}) errcode:(${code}) output:(${said})`,
  );
}

/** What is in use, or cannot be checked for want of a program, is mounted as it is. */
async function check(device: string): Promise<void> {
  const { code, stdout } = await run('fsck', ['-a', device]);
  if (code !== ERRORS_LEFT) return;
  throw new VolumeError(`'fsck' found errors on device ${device} but could not correct them: ${stdout.trim()}`);
}

function run(program: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, [...args], { env: PROGRAM_ENVIRONMENT }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** Programs of the system, and messages in one language. */
const PROGRAM_ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
