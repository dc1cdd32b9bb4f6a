/** The node's images: the store of a data folder, opened the same way by a running cluster and by `nocher image`. */
import { realClock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { createImageStore } from '../kubelet/images/store.ts';
import type { ImageStore } from '../kubelet/images/store.ts';
import type { RegistryConfig } from '../kubelet/images/registry.ts';
import { machineAuthorities } from './certificate-authorities.ts';
import type { ImageService } from '../kubelet/runtime.ts';
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

/** The images that are made here are waited for, never asked of a registry. */
export function withBuiltImages(images: ImageService, built: Promise<unknown>): ImageService {
  return {
    listImages: () => images.listImages(),
    async imageStatus(image) {
      if (image.startsWith('nocher.local/')) await built;
      return images.imageStatus(image);
    },
    pullImage: (image, auth, signal) => images.pullImage(image, auth, signal),
    removeImage: (image) => images.removeImage(image),
  };
}
