/**
 * The network of pods where the runtime has none configured: a CNI configuration that puts them on the cluster's own
 * bridge, with addresses of the node's range. A configuration of the user's is used as it is, and never touched.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface PodNetworkOptions {
  /** Where the runtime looks for configurations. */
  confFolder: string;
  /** Eight hex digits. */
  clusterId: string;
  bridge: string;
  /** The node's range. */
  podCidr: string;
  /** The bridge's address in it. */
  gateway: string;
  /** Where addresses that are taken are written down. */
  addressFolder: string;
}

export interface PodNetwork {
  /** Of ours; undefined where the user's is used. */
  path: string | undefined;
  /** Names of the user's configurations. */
  foreign: string[];
}

const PLUGINS = ['bridge', 'host-local', 'loopback'];

/** Plugins that our configuration needs and that are not in the runtime's folder. */
export function missingPlugins(binFolder: string): string[] {
  return PLUGINS.filter((name) => !existsSync(join(binFolder, name)));
}

/** Writes ours unless there is another. Repeatable. */
export function configurePodNetwork(options: PodNetworkOptions): PodNetwork {
  const { confFolder, clusterId } = options;
  mkdirSync(confFolder, { recursive: true, mode: 0o755 });
  const name = `10-nocher-${clusterId}.conflist`;
  const path = join(confFolder, name);
  const foreign = readdirSync(confFolder).filter((one) => one !== name && /\.(conf|conflist|json)$/.test(one));
  if (foreign.length > 0) {
    rmSync(path, { force: true });
    return { path: undefined, foreign };
  }
  // Runtimes watch the folder: they must not see half of it.
  const fresh = join(confFolder, `.${name}.new`);
  writeFileSync(fresh, `${JSON.stringify(podNetworkConfig(options), null, 2)}\n`, { mode: 0o644 });
  renameSync(fresh, path);
  return { path, foreign: [] };
}

/** The bridge has its addresses already; masquerading, host ports and Services are rules of the proxy. */
export function podNetworkConfig({ clusterId, bridge, podCidr, gateway, addressFolder }: PodNetworkOptions): object {
  return {
    cniVersion: '0.4.0',
    name: `nocher-${clusterId}`,
    plugins: [
      {
        type: 'bridge',
        bridge,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: addressFolder,
          ranges: [[{ subnet: podCidr, gateway }]],
          routes: [{ dst: '0.0.0.0/0', gw: gateway }],
        },
      },
    ],
  };
}
