/** `emptyDir` volumes (upstream `pkg/volume/emptydir`): a folder of the pod, or memory. */
import { chmod, chown, mkdir, stat } from 'node:fs/promises';
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

/** Repeatable: what is in it stays. Everybody may write into it, as upstream has it. */
export async function setUpEmptyDir({ folder, source, group, mounter }: EmptyDirRequest): Promise<string> {
  const exists = await stat(folder).then(
    () => true,
    () => false,
  );
  if (exists) return folder;
  await mkdir(folder, { recursive: true, mode: 0o755 });
  if (source.medium === 'Memory') {
    const limit = tryParseQuantity(source.sizeLimit)?.value();
    await mounter.mountTmpfs(folder, limit === undefined || limit <= 0 ? {} : { sizeBytes: limit });
  }
  if (group !== undefined && process.getuid?.() === 0) await chown(folder, 0, group);
  await chmod(folder, group === undefined ? 0o777 : 0o2777);
  return folder;
}
