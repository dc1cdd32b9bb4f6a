import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { endLeftProcesses, isMarked } from './left-processes.ts';

const folder = { id: '0123abcd', path: '/var/lib/a-cluster' };

describe('isMarked()', () => {
  it('knows what the cluster started, and takes nobody for it who only uses its files', () => {
    expect(isMarked('PATH=/bin\0NOCHER_CLUSTER=0123abcd\0', folder)).toBe(true);
    expect(isMarked('TMPDIR=/var/lib/a-cluster/images/tmp/1\0', folder)).toBe(true);
    expect(isMarked('NOCHER_CLUSTER=0123abce\0', folder)).toBe(false);
    expect(isMarked('TMPDIR=/var/lib/a-cluster-2/images\0', folder)).toBe(false);
    expect(isMarked('KUBECONFIG=/var/lib/a-cluster/admin.kubeconfig\0', folder)).toBe(false);
    expect(isMarked('', folder)).toBe(false);
  });
});

describe('endLeftProcesses()', () => {
  const onLinux = existsSync('/proc/self/environ') ? it : it.skip;

  onLinux('ends them, with those that do not listen to signals, and nobody else', async () => {
    const own = { id: `test-${process.pid}`, path: '/nowhere' };
    const start = (mark: string) => {
      const child = spawn('sh', ['-c', 'trap "" TERM; echo ready; sleep 60 & wait'], {
        env: { PATH: process.env['PATH'], NOCHER_CLUSTER: mark },
      });
      const ended = new Promise<string | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
      return { child, ended, ready: new Promise((resolve) => child.stdout.once('data', resolve)) };
    };
    const ours = start(own.id);
    const other = start(`${own.id}-other`);
    try {
      await Promise.all([ours.ready, other.ready]);
      await endLeftProcesses(own);
      expect(await ours.ended).toBe('SIGKILL');
      expect(other.child.exitCode ?? other.child.signalCode).toBeNull();
    } finally {
      await endLeftProcesses({ ...own, id: `${own.id}-other` });
    }
  });
});
