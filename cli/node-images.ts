/** The node's images: the store of a data folder, opened the same way by a running cluster and by `nocher image`. */
import { realClock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { createImageStore } from '../kubelet/images/store.ts';
import type { ImageStore } from '../kubelet/images/store.ts';
import type { RegistryConfig } from '../kubelet/images/registry.ts';
import { machineAuthorities } from './certificate-authorities.ts';
import type { UpConfig } from './config.ts';
import type { DataFolder } from './data-folder.ts';

export function openImageStore(
  folder: DataFolder,
  log: Logger,
  imagesInUse?: () => Promise<ReadonlySet<string>>,
): ImageStore {
  return createImageStore({
    folder: folder.file('images'),
    clock: realClock,
    log,
    ...(imagesInUse === undefined ? {} : { imagesInUse }),
  });
}

export function registryConfig(config: UpConfig): RegistryConfig {
  return {
    mirrors: config.registryMirrors.map((url) => ({ registry: 'docker.io', url })),
    insecureRegistries: [...config.insecureRegistries],
    certificateAuthorities: () => machineAuthorities(process.env),
    proxy: config.proxy,
    clock: realClock,
  };
}
