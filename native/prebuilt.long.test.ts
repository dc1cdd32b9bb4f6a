/** The builds that are shipped for machines without a compiler: what they are of, and that they do what a fresh build does. */
import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cannotRun } from './pod-fixture.ts';

const root = join(import.meta.dirname, '..');
const ARCHITECTURES = ['x64', 'arm64'];
const helper = (arch: string): string => join(root, 'native/prebuilt', `nocher-native-${arch}`);

const run = (command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(command, args, { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } });

const check = run(process.execPath, ['bin/prebuild.mjs', '--check']);
const cannotCompare = check.status === 2 ? check.stderr.trim().replace('prebuild: ', '') : undefined;
if (cannotCompare !== undefined) process.stderr.write(`shipped helpers are not compared: ${cannotCompare}\n`);

/** What runs programs of another architecture; undefined where there is nothing. */
const emulator = (arch: string): string[] | undefined => {
  if (arch === process.arch) return [];
  const path = '/usr/bin/qemu-aarch64-static';
  return arch === 'arm64' && existsSync(path) ? [path] : undefined;
};

describe('shipped helpers', () => {
  const compared = cannotCompare === undefined ? it : it.skip;

  compared('are of the sources beside them, byte for byte', () => {
    expect({ code: check.status, problems: check.stderr }).toEqual({ code: 0, problems: '' });
  });

  it.each(ARCHITECTURES)('need no library: %s', (arch) => {
    const elf = readFileSync(helper(arch));
    expect(elf.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
    expect(elf.readUInt16LE(18)).toBe({ x64: 62, arm64: 183 }[arch]);
    const headers = elf.readUInt16LE(56);
    const at = Number(elf.readBigUInt64LE(32));
    const kinds = Array.from({ length: headers }, (_, i) => elf.readUInt32LE(at + i * elf.readUInt16LE(54)));
    const [PT_LOAD, PT_INTERP] = [1, 3];
    expect(kinds).toContain(PT_LOAD);
    expect(kinds).not.toContain(PT_INTERP);
  });

  for (const arch of ARCHITECTURES) {
    const prefix = emulator(arch);
    (prefix === undefined ? it.skip : it)(`answer: ${arch}`, () => {
      const [command, ...args] = [...prefix!, helper(arch)];
      expect(run(command!, [...args, 'version']).stdout).toBe('{"version":1,"program":"nocher-native"}\n');
      expect(JSON.parse(run(command!, [...args, 'check']).stdout)).toMatchObject({ version: 1, pidfd: true });
    });
  }

  (cannotRun === undefined ? it : it.skip)(
    'pass the suites of the helper',
    () => {
      const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
      const suites = '^(?!.*long).*/native/[a-z-]+\\.test\\.ts$';
      const { status, stderr } = run(process.execPath, [...jest, suites], {
        NOCHER_NATIVE_PREBUILT: '1',
        NOCHER_TEST_LONG: '0',
      });
      expect(stderr).toMatch(/Tests: +\d{2,} passed, \d+ total/);
      expect(status).toBe(0);
    },
    150_000,
  );
});
