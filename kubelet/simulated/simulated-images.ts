/** Images of the simulated runtime: every name can be pulled, but for names that contain `does-not-exist`. */
import { createHash } from 'node:crypto';
import { ImageError } from '../runtime.ts';
import type { ImageInfo, ImageService } from '../runtime.ts';

const MISSING = 'does-not-exist';

export function createSimulatedImages(): ImageService {
  const images = new Map<string, ImageInfo>();
  const find = (image: string): ImageInfo | undefined =>
    images.get(normalize(image)) ?? [...images.values()].find(({ id }) => id === image);
  return {
    listImages: () => Promise.resolve([...images.values()]),
    imageStatus: (image) => Promise.resolve(find(image)),
    pullImage(image) {
      const name = normalize(image);
      if (name.includes(MISSING)) {
        return Promise.reject(
          new ImageError('ErrImagePull', `failed to resolve reference "${name}": ${name}: not found`),
        );
      }
      let info = images.get(name);
      if (info === undefined) {
        info = imageOf(name);
        images.set(name, info);
      }
      return Promise.resolve(info.id);
    },
    removeImage(image) {
      const found = find(image);
      for (const [name, info] of images) if (info === found) images.delete(name);
      return Promise.resolve();
    },
  };
}

function imageOf(name: string): ImageInfo {
  const digest = `sha256:${createHash('sha256').update(name).digest('hex')}`;
  const repository = name.includes('@') ? name.slice(0, name.indexOf('@')) : name.slice(0, name.lastIndexOf(':'));
  return {
    id: digest,
    repoTags: name.includes('@') ? [] : [name],
    repoDigests: [`${repository}@${digest}`],
    sizeBytes: 1_000_000,
    uid: undefined,
    username: '',
  };
}

/** `nginx` → `docker.io/library/nginx:latest`. */
function normalize(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const path = hasRegistry ? image : rest.length === 0 ? `docker.io/library/${image}` : `docker.io/${image}`;
  const lastPart = path.slice(path.lastIndexOf('/') + 1);
  return path.includes('@') || lastPart.includes(':') ? path : `${path}:latest`;
}
