/** Which system calls a container may make: none of a list, the default, or a profile that lies on the node. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RuntimeError } from '../runtime.ts';
import type { LinuxSecurity } from '../runtime.ts';

/** As the helper's `start` takes it. Throws a `RuntimeError` for a profile that is not there, with containerd's words. */
export async function loadSeccomp({ privileged, seccomp }: LinuxSecurity, folder: string): Promise<unknown> {
  if (privileged) return 'Unconfined';
  if (seccomp.type !== 'Localhost') return seccomp.type;
  const path = join(folder, seccomp.localhostPath ?? '');
  const quoted = JSON.stringify(path);
  const text = await readFile(path, 'utf8').catch(({ code, message }: NodeJS.ErrnoException) => {
    const why = code === 'ENOENT' ? `open ${path}: no such file or directory` : message;
    throw new RuntimeError('invalid-argument', `cannot load seccomp profile ${quoted}: ${why}`);
  });
  const profile = parse(text);
  if (profile instanceof Error)
    throw new RuntimeError('invalid-argument', `decoding seccomp profile failed ${quoted}: ${profile.message}`);
  return profile;
}

function parse(text: string): object {
  try {
    const profile = JSON.parse(text) as unknown;
    return typeof profile === 'object' && profile !== null ? profile : new Error('it is no object');
  } catch (error) {
    return error as Error;
  }
}
