/** `nocher status` and `nocher kubeconfig`. */
import { readFileSync } from 'node:fs';
import type { UpFlags } from './config.ts';
import { UsageError } from './config.ts';
import { openDataFolder } from './data-folder.ts';
import { runKubectl } from './kubectl.ts';

export async function status(flags: UpFlags): Promise<void> {
  const folder = openDataFolder(flags['dataDir'] as string);
  const running = folder.running();
  if (running === undefined) {
    process.stdout.write(`no cluster is running on ${folder.path}; start one with: nocher up\n`);
    process.exitCode = 1;
    return;
  }
  const { apiPort, bindAddress } = folder.settings();
  process.stdout.write(`running        pid ${running.pid}\nAPI server     https://${bindAddress}:${apiPort}\nkubeconfig     ${folder.file('admin.kubeconfig')}\n\n`);
  process.exitCode = await runKubectl(['get', 'nodes', '-o', 'wide'], folder.file('admin.kubeconfig'));
}

export function printKubeconfig(flags: UpFlags): void {
  const folder = openDataFolder(flags['dataDir'] as string);
  try {
    process.stdout.write(readFileSync(folder.file('admin.kubeconfig'), 'utf8'));
  } catch {
    throw new UsageError(`there is no cluster in ${folder.path}; start one with: nocher up`);
  }
}
