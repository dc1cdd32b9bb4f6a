/** Block devices to test with: files that the kernel serves as such, where it does and this process may ask for it. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, ftruncateSync, openSync } from 'node:fs';

/** Whether there can be any; tests that need one are skipped, by name, where not. */
export const hasLoopDevices =
  process.getuid?.() === 0 &&
  existsSync('/dev/loop-control') &&
  run('losetup', ['--find']).status === 0 &&
  ['mkfs.ext4', 'blkid'].every((program) => run(program, ['-V']).error === undefined);

/** An empty device, of a file that it makes. */
export function attachLoopDevice(file: string, sizeBytes: number): string {
  const fd = openSync(file, 'wx');
  ftruncateSync(fd, sizeBytes);
  closeSync(fd);
  const { status, stdout, stderr } = run('losetup', ['--find', '--show', file]);
  if (status !== 0) throw new Error(`losetup: ${stderr}`);
  return stdout.trim();
}

/** When the last who has it open is gone. The file stays. */
export function detachLoopDevice(device: string): void {
  run('losetup', ['--detach', device]);
}

function run(
  program: string,
  args: readonly string[],
): ReturnType<typeof spawnSync> & { stdout: string; stderr: string } {
  return spawnSync(program, args, { encoding: 'utf8' });
}
