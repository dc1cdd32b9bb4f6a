/** `nocher kubectl …`: the user's own kubectl with this cluster's kubeconfig. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { UpFlags } from './config.ts';
import { UsageError } from './config.ts';
import { openDataFolder } from './data-folder.ts';

export async function kubectl(args: readonly string[], flags: UpFlags): Promise<void> {
  const folder = openDataFolder(flags['dataDir'] as string);
  if (!existsSync(folder.file('admin.kubeconfig'))) throw new UsageError(`there is no cluster in ${folder.path}; start one with: nocher up`);
  process.exitCode = await runKubectl(args, folder.file('admin.kubeconfig'));
}

/** Resolves with kubectl's exit code. Throws when there is no kubectl. */
export function runKubectl(args: readonly string[], kubeconfig: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('kubectl', args, { stdio: 'inherit', env: { ...process.env, KUBECONFIG: kubeconfig } });
    child.on('error', () => reject(new UsageError('there is no kubectl on the PATH; install it, or use any Kubernetes client with the kubeconfig that "nocher kubeconfig" prints')));
    child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 0) : 1));
  });
}
