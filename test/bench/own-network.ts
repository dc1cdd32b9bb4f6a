/** Measures in a network namespace of its own, where a cluster's bridge, rules and ports are nobody else's. */
import { spawnSync } from 'node:child_process';

const TIMEOUT_MS = 180_000;

/** Calls `measure`, which the module at `url` exports, in a process inside of the namespace. Needs root. */
export function measureInOwnNetwork<T>(url: string): T {
  const netns = `nocher-bench-${process.pid}`;
  const enter = [`--net=/run/netns/${netns}`];
  const script = `import { measure } from ${JSON.stringify(url)}; console.log(JSON.stringify(await measure())); process.exit(0);`;
  spawnSync('ip', ['netns', 'add', netns]);
  try {
    spawnSync('nsenter', [...enter, 'ip', 'link', 'set', 'lo', 'up']);
    const args = [...enter, process.execPath, '--import', 'tsx', '--input-type=module', '-e', script];
    const { stdout, stderr, status } = spawnSync('nsenter', args, { encoding: 'utf8', timeout: TIMEOUT_MS });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as T;
  } finally {
    spawnSync('ip', ['netns', 'delete', netns]);
  }
}
