import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ImageService, PodSandboxConfig, RuntimeService } from '../runtime.ts';
import { createTestClock, testPod } from '../testing.ts';
import { findPodContainer } from './container-kinds.ts';
import { ContainerStarter } from './container-starter.ts';
import type { StartRequest } from './container-starter.ts';
import type { ImagePuller } from './image-puller.ts';
import type { PodFiles } from './pod-files.ts';

describe('ContainerStarter', () => {
  let told: string[];
  let runHook: RuntimeService['execSync'];
  let stop: RuntimeService['stopContainer'];
  let terminate: AbortController;
  const ended = { exitCode: 1, stdout: new Uint8Array(), stderr: new Uint8Array() };

  beforeEach(() => {
    told = [];
    runHook = () => Promise.resolve(ended);
    stop = () => Promise.resolve();
    terminate = new AbortController();
  });

  /** A container with a `postStart` hook. */
  const start = (): Promise<string> => {
    const image = { id: 'sha256:1', repoTags: [], repoDigests: [], sizeBytes: 7, uid: undefined, username: '' };
    const tell = (_pod: unknown, reason: string): void => void told.push(reason);
    const starter = new ContainerStarter({
      runtime: {
        createContainer: () => Promise.resolve('web-0'),
        startContainer: () => Promise.resolve(),
        execSync: (...call: Parameters<typeof runHook>) => {
          told.push('hook');
          return runHook(...call);
        },
        stopContainer: (...call: Parameters<typeof stop>) => {
          told.push('stop');
          return stop(...call);
        },
      } as unknown as RuntimeService,
      images: { imageStatus: () => Promise.resolve(image) } as unknown as ImageService,
      puller: { ensure: () => Promise.resolve(image.id) } as unknown as ImagePuller,
      files: { managedMounts: () => [] } as unknown as PodFiles,
      events: { normal: tell, warning: tell },
      clock: createTestClock(),
      memoryCapacityBytes: 1 << 30,
    });
    const lifecycle = { postStart: { exec: { command: ['sleep', '600'] } } };
    const pod = testPod({ containers: [{ name: 'web', image: 'nginx', lifecycle }] });
    return starter.start({
      pod,
      target: findPodContainer(pod, 'web')!,
      sandbox: { id: 'sandbox-0', config: {} as PodSandboxConfig },
      restartCount: 0,
      mounted: new Map() as unknown as StartRequest['mounted'],
      network: { podIps: [] } as unknown as StartRequest['network'],
      sources: { services: () => [] } as unknown as StartRequest['sources'],
      pullSecrets: [],
      signal: terminate.signal,
    });
  };
  const untilTold = async (what: string): Promise<void> => {
    while (!told.includes(what)) await Promise.resolve();
  };

  it('stops a container whose postStart hook fails', async () => {
    await expect(start()).rejects.toMatchObject({ reason: 'PostStartHookError' });
    expect(told).toEqual(['Created', 'Started', 'hook', 'FailedPostStartHook', 'Killing', 'stop']);
  });

  it('does not wait for a postStart hook when the pod terminates', async () => {
    runHook = () => new Promise(() => undefined);
    const starting = start();
    await untilTold('hook');
    terminate.abort(new Error('the pod terminates'));
    await expect(starting).rejects.toThrow('the pod terminates');
    expect(told.at(-1)).toBe('hook');
  });

  it('does not wait for the stop after a failed hook when the pod terminates with less grace', async () => {
    stop = () => new Promise(() => undefined);
    const starting = start();
    await untilTold('stop');
    terminate.abort(new Error('the pod terminates'));
    await expect(starting).rejects.toThrow('the pod terminates');
  });
});
