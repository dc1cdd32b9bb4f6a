/** What a start must know of a container runtime, out of the configuration that it tells. */
import { RuntimeError } from '../runtime.ts';
import type { RuntimeFeatures } from '../runtime.ts';
import type { CriClient } from './client.ts';

export interface RuntimeFacts {
  name: string;
  version: string;
  features: RuntimeFeatures;
  /** Cgroups are named as systemd names slices. */
  isSystemd: boolean;
  /** Where network plugins are configured. */
  cniConfFolder: string;
  cniBinFolder: string;
}

const ASK_TIMEOUT_MS = 10_000;
const DEFAULT_CONF_FOLDER = '/etc/cni/net.d';
const DEFAULT_BIN_FOLDER = '/opt/cni/bin';

/** The parts of containerd's own configuration that matter here; other runtimes tell less. */
interface RuntimeConfig {
  cni?: { binDir?: string; confDir?: string };
  containerd?: { defaultRuntimeName?: string; runtimes?: Record<string, { options?: { SystemdCgroup?: boolean } }> };
  systemdCgroup?: boolean;
}

/** Throws a `RuntimeError` when nothing answers, or not in CRI `runtime.v1`. */
export async function askRuntimeFacts(client: CriClient): Promise<RuntimeFacts> {
  const limits = { timeoutMs: ASK_TIMEOUT_MS };
  const { runtimeName, runtimeVersion } = await client.call('Version', {}, limits);
  const { info, features } = await client.call('Status', { verbose: true }, limits);
  const config = parseConfig(info['config']);
  const { cni = {}, containerd = {}, systemdCgroup = false } = config;
  const runtime = containerd.runtimes?.[containerd.defaultRuntimeName ?? 'runc'];
  return {
    name: runtimeName,
    version: runtimeVersion,
    features: features ?? { supplementalGroupsPolicy: false },
    isSystemd: runtime?.options?.SystemdCgroup ?? systemdCgroup,
    cniConfFolder: cni.confDir || DEFAULT_CONF_FOLDER,
    cniBinFolder: cni.binDir || DEFAULT_BIN_FOLDER,
  };
}

function parseConfig(text: string | undefined): RuntimeConfig {
  if (text === undefined) return {};
  try {
    return JSON.parse(text) as RuntimeConfig;
  } catch (error) {
    throw new RuntimeError('unknown', `the runtime tells its configuration in no JSON: ${(error as Error).message}`);
  }
}
