import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { sharedLibraries } from './elf.ts';

/** What ldd finds, without the files' two names (`/lib` may be a link to `/usr/lib`). */
function fromLdd(program: string): string[] {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  const paths = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => fs.realpathSync(path));
  return [...new Set(paths)].sort();
}

describe('sharedLibraries()', () => {
  it.each(['/bin/sh', '/bin/ls', '/usr/bin/sort', '/bin/tar', '/bin/sed'])('finds for %s what ldd finds', (program) => {
    const found = sharedLibraries([program]).map((path) => fs.realpathSync(path));
    expect(found.length).toBeGreaterThan(1);
    expect([...new Set(found)].sort()).toEqual(fromLdd(program));
  });

  it('finds nothing for a script', () => {
    expect(sharedLibraries(['/etc/passwd'])).toEqual([]);
  });
});
