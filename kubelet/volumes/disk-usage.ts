/** What a folder takes of its disk (upstream `pkg/volume/util/fs`, `DiskUsage`). */
import { execFile } from 'node:child_process';

/** Whoever makes more files than can be counted in that time is not counted. */
const TIMEOUT_MS = 60_000;

/**
 * In bytes, as allocated; what is mounted below is left out. Rejects when it cannot be told. A program of the system
 * counts, with the lowest priority: it takes any depth, follows no links that containers make, and leaves this process
 * to its work.
 */
export function diskUsageBytes(folder: string, signal: AbortSignal): Promise<number> {
  const options = { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' }, signal, timeout: TIMEOUT_MS };
  return new Promise((resolve, reject) => {
    execFile('nice', ['-n', '19', 'du', '-skx', folder], options, (error, stdout) => {
      // Files that went meanwhile make it fail, and the sum is there all the same.
      const kibibytes = /^\d+/.exec(stdout)?.[0];
      if (kibibytes !== undefined) resolve(Number(kibibytes) * 1024);
      else reject(error ?? new Error(`du of ${folder} said nothing`));
    });
  });
}
