import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '../../base/clock.ts';
import { realClock } from '../../base/clock.ts';
import { ImageError } from '../runtime.ts';
import type { ImageService } from '../runtime.ts';
import { testPod } from '../testing.ts';
import { ImagePuller } from './image-puller.ts';

const signal = new AbortController().signal;
const info = { id: 'sha256:1', repoTags: [], repoDigests: [], sizeBytes: 7, uid: undefined, username: '' };

describe('ImagePuller', () => {
  let nowMs = 0;
  let present = false;
  let pull: () => Promise<string>;
  let told: string[];
  let puller: ImagePuller;
  const clock: Clock = { ...realClock, now: () => nowMs, monotonicMs: () => nowMs };
  const ensure = (image: string, imagePullPolicy = 'IfNotPresent'): Promise<string> => {
    const target = { container: { name: 'c', image, imagePullPolicy }, role: 'app' as const, index: 0 };
    return puller.ensure({ pod: testPod(), target, secrets: [], signal });
  };

  beforeEach(() => {
    [nowMs, present, told] = [1_000, false, []];
    pull = () => Promise.resolve(info.id);
    const images: ImageService = {
      listImages: () => Promise.resolve([]),
      imageStatus: (image) => Promise.resolve(present || image === info.id ? info : undefined),
      pullImage: () => pull(),
      removeImage: () => Promise.resolve(),
    };
    const tell = (_pod: unknown, reason: string, message: string): void => void told.push(`${reason}: ${message}`);
    puller = new ImagePuller({ images, clock, events: { normal: tell, warning: tell }, signal });
  });

  it('says once what is wrong with a name, and never asks the runtime for it', async () => {
    present = true;
    const message =
      'Failed to apply default image tag "Bad:x": couldn\'t parse image name "Bad:x": ' +
      'invalid reference format: repository name (library/Bad) must be lowercase';
    await expect(ensure('Bad:x')).rejects.toMatchObject({ reason: 'InvalidImageName', message });
    expect(told).toEqual([`InspectFailed: ${message}`]);
  });

  it('leaves an image that failed alone for ten seconds, then for twenty', async () => {
    pull = () => Promise.reject(new ImageError('ErrImagePull', 'no route'));
    const text = 'Back-off pulling image "a"';
    for (const waitMs of [10_000, 20_000]) {
      await expect(ensure('a')).rejects.toMatchObject({ reason: 'ErrImagePull', message: 'no route' });
      nowMs += waitMs - 1;
      await expect(ensure('a')).rejects.toMatchObject({
        reason: 'ImagePullBackOff',
        message: `${text}: ErrImagePull: no route`,
      });
      expect(puller.remainingMs(testPod(), 'a')).toBe(1);
      nowMs += 1;
    }
    expect(told.slice(0, 3)).toEqual([
      'Pulling: Pulling image "a"',
      'Failed: Failed to pull image "a": no route',
      `BackOff: ${text}`,
    ]);
    pull = () => Promise.resolve(info.id);
    expect(await ensure('a')).toBe(info.id);
  });

  it('does as the policy says', async () => {
    await expect(ensure('a', 'Never')).rejects.toMatchObject({ reason: 'ErrImageNeverPull' });
    present = true;
    for (const policy of ['Never', 'IfNotPresent', 'Always']) expect(await ensure('a', policy)).toBe(info.id);
    expect(told.filter((text) => text.startsWith('Pulling'))).toHaveLength(1);
  });
});
