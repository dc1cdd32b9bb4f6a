import { describe, expect, it } from '@jest/globals';
import type { HostCheck } from '../kubelet/native/program.ts';
import { chooseRuntime } from './host-check.ts';
import type { Host } from './host-check.ts';

const check = (more: Partial<HostCheck> = {}): HostCheck => ({
  root: true,
  kernel: '6.1',
  cgroupMode: 'v2',
  cgroupControllers: [],
  missing: [],
  nofileHard: 1048576,
  ...more,
});
const host = (more: Partial<Host> = {}): Host => ({ isRoot: true, check: check(), ...more });

describe('chooseRuntime()', () => {
  it('takes real pods where they can be', () => {
    expect(chooseRuntime(undefined, host())).toEqual({ runtime: 'native', notes: [] });
  });

  it.each([
    ['no root', host({ isRoot: false, check: undefined }), 'real ones need root'],
    [
      'no helper',
      host({ check: undefined }),
      'the helper that runs them is not built; install a C compiler and make (apt-get install gcc libc6-dev make), then: npm run build',
    ],
    [
      'no rights',
      host({ check: check({ missing: ['required: CAP_SYS_ADMIN', 'required: the overlay file system'] }) }),
      'this machine lacks CAP_SYS_ADMIN, the overlay file system',
    ],
    [
      'no bridge',
      host({ check: check({ missing: ['bridges: pods get no network of their own'] }) }),
      'this machine lacks bridges',
    ],
  ])('simulates them with %s, in one line, and refuses to run them', (_title, machine, reason) => {
    expect(chooseRuntime(undefined, machine)).toEqual({
      runtime: 'simulated',
      notes: [`pods only pretend to run, and Services and DNS do not answer: ${reason}`],
    });
    expect(() => chooseRuntime('native', machine)).toThrow(`--runtime native: ${reason}`);
  });

  it('says what real pods lack', () => {
    const machine = host({ check: check({ missing: ['the pids controller: no process limits'], nofileHard: 1024 }) });
    expect(chooseRuntime(undefined, machine)).toEqual({
      runtime: 'native',
      notes: [
        'this machine lacks the pids controller: no process limits',
        'this machine allows 1024 open files in a process: with many pods that is too few (ulimit -Hn)',
      ],
    });
  });

  it('leaves to a container runtime what containers need, but not the bridge', () => {
    const bare = host({ check: check({ missing: ['required: the overlay file system'] }) });
    expect(chooseRuntime('cri', bare)).toEqual({ runtime: 'cri', notes: [] });
    expect(() => chooseRuntime('cri', host({ isRoot: false, check: undefined }))).toThrow(
      '--runtime cri: real ones need root',
    );
    expect(() => chooseRuntime('cri', host({ check: undefined }))).toThrow('--runtime cri: the helper');
  });

  it('does as it is told without looking', () => {
    for (const runtime of ['simulated', 'none'] as const)
      expect(chooseRuntime(runtime, host({ isRoot: false, check: undefined }))).toEqual({ runtime, notes: [] });
  });
});
