import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Secret } from '../../api/core/v1/secret.ts';
import type { Clock } from '../../base/clock.ts';
import { realClock } from '../../base/clock.ts';
import { PullRecords } from '../images/pull-records.ts';
import { ImageError } from '../runtime.ts';
import type { ImageService, PullAuth } from '../runtime.ts';
import { testPod } from '../testing.ts';
import { ImagePuller } from './image-puller.ts';

const signal = new AbortController().signal;
/** For the registry r.test. */
function secretWith(name: string, password: string): Secret {
  const auths = { 'r.test': { username: 'u', password } };
  const config = Buffer.from(JSON.stringify({ auths })).toString('base64');
  const metadata = { name, namespace: 'default', uid: `uid-${name}` };
  return { metadata, type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': config } } as Secret;
}

const info = { id: 'sha256:1', repoTags: [], repoDigests: [], sizeBytes: 7, uid: undefined, username: '' };

describe('ImagePuller', () => {
  let nowMs = 0;
  let present = false;
  let pull: (image: string, auth: PullAuth | undefined) => Promise<string>;
  let told: string[];
  let puller: ImagePuller;
  const clock: Clock = { ...realClock, now: () => nowMs, monotonicMs: () => nowMs };
  const ensure = (image: string, imagePullPolicy = 'IfNotPresent', secrets: Secret[] = []): Promise<string> => {
    const target = { container: { name: 'c', image, imagePullPolicy }, role: 'app' as const, index: 0 };
    return puller.ensure({ pod: testPod(), target, secrets, signal });
  };

  beforeEach(() => {
    [nowMs, present, told] = [1_000, false, []];
    pull = () => Promise.resolve(info.id);
    const images: ImageService = {
      listImages: () => Promise.resolve(present ? [info] : []),
      imageStatus: (image) => Promise.resolve(present || image === info.id ? info : undefined),
      pullImage: (image, auth) => pull(image, auth),
      removeImage: () => Promise.resolve(),
    };
    const tell = (_pod: unknown, reason: string, message: string): void => void told.push(`${reason}: ${message}`);
    puller = new ImagePuller({
      images,
      records: new PullRecords(),
      clock,
      events: { normal: tell, warning: tell },
      signal,
    });
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

  describe('of an image that was pulled with credentials', () => {
    const IMAGE = 'r.test/private:1';
    const owner = secretWith('owner', 'right');
    let asked: (string | undefined)[];
    const others = (secrets: Secret[], policy?: string): Promise<string> => ensure(IMAGE, policy, secrets);

    beforeEach(async () => {
      asked = [];
      pull = async (_image, auth) => {
        asked.push(auth?.password);
        if (auth?.password !== 'right') throw new ImageError('ErrImagePull', 'pull access denied');
        present = true;
        return info.id;
      };
      await ensure(IMAGE, 'IfNotPresent', [secretWith('stale', 'wrong'), owner]);
      asked = [];
    });

    it('asks nobody where a pod has the same Secret, or the same credential in another', async () => {
      const renewed = secretWith('owner', 'renewed');
      for (const secret of [owner, secretWith('copy', 'right'), renewed]) expect(await others([secret])).toBe(info.id);
      expect(asked).toEqual([]);
      const text = `Container image "${IMAGE}" already present on machine and can be accessed by the pod`;
      expect(told.at(-1)).toBe(`Pulled: ${text}`);
    });

    it('asks the registry for a pod that has another or none, and believes its no', async () => {
      await expect(others([])).rejects.toMatchObject({ reason: 'ErrImagePull', message: 'pull access denied' });
      nowMs += 10_000;
      await expect(others([secretWith('stale', 'wrong')])).rejects.toMatchObject({ reason: 'ErrImagePull' });
      expect(asked).toEqual([undefined, 'wrong']);
      expect(await others([owner])).toBe(info.id);
    });

    it('is not there for such a pod that must not pull', async () => {
      expect(await others([owner], 'Never')).toBe(info.id);
      const message = `Container image "${IMAGE}" is not present with pull policy of Never`;
      await expect(others([], 'Never')).rejects.toMatchObject({ reason: 'ErrImageNeverPull', message });
      expect(asked).toEqual([]);
    });

    it('lets every pod have it once the registry has given it without', async () => {
      pull = async (_image, auth) => {
        asked.push(auth?.password);
        return info.id;
      };
      for (let i = 0; i < 2; i++) expect(await others([])).toBe(info.id);
      expect(asked).toHaveLength(1);
    });

    it('lets every pod have it when it was removed and came back otherwise', async () => {
      present = false;
      await puller.forgetRemoved();
      present = true;
      expect(await others([])).toBe(info.id);
      expect(asked).toEqual([]);
    });
  });
});
