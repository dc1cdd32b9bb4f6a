/** The smoke on machines that lack something, or are no whole machine: programs, rights, a container. Needs root. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyOfCheckout } from './checkout-copy.ts';
import type { Cluster } from './harness.ts';
import { isRoot, prepareCluster } from './harness.ts';
import { smoke, smokeOfSimulation } from './smoke.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const suite = isRoot ? describe : describe.skip;

let cluster: Cluster | undefined;
let copy: string | undefined;
afterEach(async () => {
  await cluster?.stop();
  if (copy !== undefined) rmSync(copy, { recursive: true, force: true });
  copy = undefined;
});

suite('a machine without a compiler', () => {
  it('takes the helper that is shipped, which runs pods', async () => {
    copy = copyOfCheckout();
    const hide = ['gcc', 'cc', 'make'].map((name) => `mount --bind /dev/null /usr/bin/${name}`).join(' && ');
    const script = `${hide} && exec ${process.execPath} bin/build.mjs`;
    const build = spawnSync('unshare', ['--mount', 'sh', '-c', script], { cwd: copy, encoding: 'utf8' });
    expect({ status: build.status, stderr: build.stderr }).toEqual({
      status: 0,
      stderr:
        'build: schema tables\nbuild: definitions of our own kinds\nbuild: bundle\nbuild: native helper, as it is shipped (without gcc and make)\n',
    });
    symlinkSync(join(root, 'dist/kubectl'), join(copy, 'dist/kubectl'));
    cluster = prepareCluster([], { hidden: ['/usr/bin/gcc', '/usr/bin/cc'], checkout: copy });
    await smoke(cluster);
  });

  it('does not take one of other sources', () => {
    copy = copyOfCheckout();
    copyFileSync(join(copy, 'native/names.h'), join(copy, 'native/more-names.h'));
    const script = `mount --bind /dev/null /usr/bin/make && exec ${process.execPath} bin/build.mjs`;
    const { stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script], { cwd: copy, encoding: 'utf8' });
    expect(stderr).toContain('build: no helper that runs pods (without make): pods will only pretend to run\n');
  });
});

suite('a machine without nft', () => {
  it('serves everything in user space', async () => {
    cluster = prepareCluster([], { hidden: ['/usr/sbin/nft'] });
    await smoke(cluster);
  });
});

suite('a data folder with a path longer than sockets take', () => {
  it.each([108, 200])('%s bytes', async (length) => {
    const here = prepareCluster();
    await here.stop();
    cluster = prepareCluster([], { dataDirSuffix: 'x'.repeat(length - here.dataDir.length - 1) });
    expect(cluster.dataDir.length).toBe(length);
    await smoke(cluster);
  });
});

suite('a user without root', () => {
  it('has the control plane, and pods that pretend', async () => {
    const nobody = 65534;
    cluster = prepareCluster([], {
      dataDirSuffix: 'data',
      within: ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--bounding-set=-all'],
    });
    const home = dirname(cluster.dataDir);
    chmodSync(home, 0o755);
    chownSync(home, nobody, nobody);
    await smoke(cluster, { steps: smokeOfSimulation });
    expect(cluster.output()).toContain(
      '  pods only pretend to run, and Services and DNS do not answer: real ones need root\n',
    );
  });
});

/** Runs a command in a container's namespaces and hands on SIGTERM, as a container's init does. */
const ENTER = `target=$1; shift
nsenter --target $target --mount --uts --ipc --cgroup --pid -- "$@" & entered=$!
trap 'kill -TERM $(cat /proc/$entered/task/$entered/children)' TERM
wait $entered; code=$?
[ $code -lt 128 ] || { wait $entered; code=$?; }
exit $code`;

/** As `docker run --privileged` gives it: everything of its own, but the kernel, and cgroups that it may change. */
suite('a privileged container', () => {
  it('runs pods', async () => {
    const namespaces = ['--mount', '--pid', '--uts', '--ipc', '--cgroup'];
    const init = ['--fork', '--kill-child', '--mount-proc', '--propagation', 'private', 'sh', '-c', 'echo up; cat'];
    const container = spawn('unshare', [...namespaces, ...init], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await new Promise((resolve) => container.stdout.once('data', resolve));
      const pid = readFileSync(`/proc/${container.pid}/task/${container.pid}/children`, 'utf8').trim();
      cluster = prepareCluster([], { within: ['sh', '-c', ENTER, 'sh', pid] });
      await smoke(cluster);
    } finally {
      await cluster?.stop();
      container.stdin.end();
    }
  });
});
