/** Puts the administrator's kubeconfig where users and tools find it. */
import type { Certificates } from './certificates.ts';
import { defaultDataDir } from './config.ts';
import type { DataFolder } from './data-folder.ts';
import { adminKubeconfig, mergeContext, writeKubeconfig } from './kubeconfig.ts';

/** Gives the file's path. With the default data folder, a context `nocher` is merged into the user's own kubeconfig. */
export async function installKubeconfig(options: {
  folder: DataFolder;
  server: string;
  certificates: Certificates;
}): Promise<string> {
  const { folder, server, certificates } = options;
  const path = folder.file('admin.kubeconfig');
  const text = adminKubeconfig({
    server,
    ca: certificates.ca.certificate,
    certificate: certificates.admin.certificate,
    privateKey: certificates.admin.privateKey,
  });
  await writeKubeconfig(path, text);
  if (folder.path === defaultDataDir()) await mergeContext(text);
  return path;
}
