/** The kubelet's ImageService over CRI: the runtime pulls and keeps the images. */
import { formatReference, parseImageName } from '../images/reference.ts';
import type { ImageErrorReason, ImageInfo, ImageService, PullAuth } from '../runtime.ts';
import { ImageError } from '../runtime.ts';
import type { CriClient } from './client.ts';
import { imageOf } from './convert.ts';
import { CriError } from './errors.ts';

/** An image of many gigabytes over a slow line; what came before the deadline is kept by the runtime. */
const PULL_TIMEOUT_MS = 60 * 60_000;

export function createCriImages(client: CriClient): ImageService {
  const imageStatus = async (image: string): Promise<ImageInfo | undefined> => {
    const answer = await client.call('ImageStatus', { image: { image: nameOf(image) } });
    return answer.image === null ? undefined : imageOf(answer.image);
  };
  return {
    async listImages() {
      const { images } = await client.call('ListImages', {});
      return images.map(imageOf);
    },
    imageStatus,
    async pullImage(image, auth, signal) {
      const name = nameOf(image);
      const request = { image: { image: name }, ...(auth === undefined ? {} : { auth: authOf(auth) }) };
      try {
        const { imageRef } = await client.call('PullImage', request, { timeoutMs: PULL_TIMEOUT_MS, signal });
        return imageRef;
      } catch (error) {
        signal.throwIfAborted();
        throw pullError(error);
      }
    },
    async removeImage(image) {
      await client.call('RemoveImage', { image: { image: nameOf(image) } });
    },
  };
}

const IMAGE_ID = /^sha256:[0-9a-f]{64}$/;

/** Throws `ImageError` InvalidImageName. */
function nameOf(image: string): string {
  return IMAGE_ID.test(image) ? image : formatReference(parseImageName(image));
}

/** They were chosen for the image already: a server's address beside them would have to be a URL. */
function authOf({ username, password, identityToken = '' }: PullAuth): object {
  return { username, password, identityToken };
}

/** Reasons that a runtime puts before its words (upstream `k8s.io/cri-api/pkg/errors`). */
const REASONS: readonly ImageErrorReason[] = ['RegistryUnavailable', 'SignatureValidationFailed'];

/** Upstream shows the whole gRPC error. */
function pullError(error: unknown): unknown {
  if (!(error instanceof CriError)) return error;
  const reason = REASONS.find((one) => error.message.startsWith(one)) ?? 'ErrImagePull';
  return new ImageError(reason, error.grpcText, { cause: error });
}
