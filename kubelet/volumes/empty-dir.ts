/** `emptyDir` volumes (upstream `pkg/volume/emptydir`): a folder of the pod, or memory. */
import { chmod, chown, mkdir, rename, rm, stat } from 'node:fs/promises';
import type { Volume } from '../../api/core/v1/pod/types.ts';
import { tryParseQuantity } from '../../api/machinery/quantity.ts';
import type { HostMounter } from './host-mounter.ts';

export interface EmptyDirRequest {
  folder: string;
  source: NonNullable<Volume['emptyDir']>;
  /** From `fsGroup`. */
  group: number | undefined;
  mounter: HostMounter;
}

/**
 * Repeatable: what is in it stays. Everybody may write into it, as upstream has it. A kubelet that is killed leaves a
 * finished folder or none, and memory that is gone, after a reboot, is there again.
 */
export async function setUpEmptyDir({ folder, source, group, mounter }: EmptyDirRequest): Promise<string> {
  const mode = group === undefined ? 0o777 : 0o2777;
  const exists = await stat(folder).then(
    () => true,
    () => false,
  );
  if (!exists) await createFolder(folder, { mode, group });
  if (source.medium !== 'Memory') return folder;
  const limit = tryParseQuantity(source.sizeLimit)?.value();
  await mounter.mountTmpfs(folder, {
    mode,
    ...(group === undefined ? {} : { group }),
    ...(limit === undefined || limit <= 0 ? {} : { sizeBytes: limit }),
  });
  return folder;
}

async function createFolder(
  folder: string,
  { mode, group }: { mode: number; group: number | undefined },
): Promise<void> {
  // No volume has a dot in its name.
  const unfinished = `${folder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true, mode: 0o755 });
  if (group !== undefined && process.getuid?.() === 0) await chown(unfinished, 0, group);
  await chmod(unfinished, mode);
  await rename(unfinished, folder);
}
