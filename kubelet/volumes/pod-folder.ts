/**
 * Where a pod's files lie on the node: `<folder>/<uid>/…`, as upstream's `/var/lib/kubelet/pods`. Secrets lie beside,
 * in memory where that is possible.
 */
import { join } from 'node:path';
import { escapePluginName } from './plugin-names.ts';
import type { VolumePlugin } from './plugin-names.ts';

export interface PodFolders {
  /** `<dataDir>/pods` */
  folder: string;
  /** Holds what must not reach a disk; `folder` itself where there is no such place. */
  secretFolder: string;
  /** `<dataDir>/logs`, of `<namespace>_<name>_<uid>` folders. */
  logFolder: string;
}

/** UIDs and names come from the API, which keeps slashes and dots-only names out; this holds for any other source. */
function safe(part: string): string {
  if (part === '' || part === '.' || part === '..' || part.includes('/') || part.includes('\0')) {
    throw new Error(`not a name for a file: ${JSON.stringify(part)}`);
  }
  return part;
}

export function podFolder({ folder }: PodFolders, uid: string): string {
  return join(folder, safe(uid));
}

export function volumeFolder(
  folders: PodFolders,
  uid: string,
  { plugin, name }: { plugin: VolumePlugin; name: string },
): string {
  const holdsSecrets = plugin === 'kubernetes.io/secret' || plugin === 'kubernetes.io/projected';
  const root = holdsSecrets ? folders.secretFolder : folders.folder;
  return join(root, safe(uid), 'volumes', escapePluginName(plugin), safe(name));
}

/** Of termination messages, one file for each run of a container. */
export function containerFolder(folders: PodFolders, uid: string, container: string): string {
  return join(podFolder(folders, uid), 'containers', safe(container));
}

export function etcFile(folders: PodFolders, uid: string, name: 'hosts' | 'resolv.conf' | 'hostname'): string {
  return join(podFolder(folders, uid), `etc-${name}`);
}

export function podLogFolder(
  { logFolder }: PodFolders,
  { namespace = '', name = '', uid = '' }: { namespace?: string; name?: string; uid?: string },
): string {
  return join(logFolder, `${safe(namespace)}_${safe(name)}_${safe(uid)}`);
}
