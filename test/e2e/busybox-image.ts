/** An image of the host's static busybox, loaded into a cluster's node: `nocher.test/busybox:1`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TarMember } from '../../kubelet/images/sample-image.ts';
import { ociArchive, sampleImage } from '../../kubelet/images/sample-image.ts';
import type { Cluster } from './harness.ts';

export const BUSYBOX = 'nocher.test/busybox:1';
const APPLETS = ['sh', 'sleep', 'timeout', 'wget', 'httpd', 'cat', 'echo', 'nslookup', 'dd', 'ls', 'id'];

/** Tar of an OCI layout. Needs busybox-static on the machine. */
export async function busyboxArchive(): Promise<Buffer> {
  return ociArchive(await sampleImage([busyboxLayer(APPLETS)], { Env: ['PATH=/bin'] }), BUSYBOX);
}

/** What makes a shell and some programs out of one file of the host's. */
export function busyboxLayer(applets: readonly string[]): TarMember[] {
  return [
    { name: 'bin/busybox', mode: 0o755, content: readFileSync('/usr/bin/busybox') },
    ...applets.map((name): TarMember => ({ name: `bin/${name}`, type: 'symlink', linkname: 'busybox' })),
    { name: 'etc/passwd', content: 'root:x:0:0:root:/:/bin/sh\n' },
  ];
}

export async function loadBusybox(cluster: Cluster): Promise<void> {
  await loadImage(cluster, await busyboxArchive());
}

/** Puts an image into the node's store, as a user does. */
export async function loadImage(cluster: Cluster, archive: Buffer): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'nocher-e2e-'));
  try {
    const file = join(folder, 'image.tar');
    writeFileSync(file, archive);
    const { code, stderr } = cluster.nocher(['image', 'load', file]);
    if (code !== 0) throw new Error(`image load: ${stderr}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
