import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PodNetworkOptions } from './network-config.ts';
import { configurePodNetwork, missingPlugins } from './network-config.ts';

describe('configurePodNetwork()', () => {
  let folder: string;
  let options: PodNetworkOptions;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nocher-cni-'));
    options = {
      confFolder: join(folder, 'net.d'),
      clusterId: '0123abcd',
      bridge: 'nocher-0123abcd',
      podCidr: '10.244.0.0/24',
      gateway: '10.244.0.1',
      addressFolder: join(folder, 'addresses'),
    };
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('writes one that puts pods on the bridge where there is none', () => {
    const { path, foreign } = configurePodNetwork(options);
    expect(foreign).toEqual([]);
    const written = JSON.parse(readFileSync(path!, 'utf8')) as { plugins: object[] };
    expect(written.plugins).toEqual([
      expect.objectContaining({
        type: 'bridge',
        bridge: 'nocher-0123abcd',
        hairpinMode: true,
        ipam: expect.objectContaining({ ranges: [[{ subnet: '10.244.0.0/24', gateway: '10.244.0.1' }]] }),
      }),
    ]);
    expect(readdirSync(options.confFolder)).toEqual(['10-nocher-0123abcd.conflist']);
    expect(configurePodNetwork(options).path).toBe(path);
  });

  it('leaves a configuration of the user alone, and takes its own away for it', () => {
    const { path } = configurePodNetwork(options);
    writeFileSync(join(options.confFolder, '10-flannel.conflist'), '{"of":"the user"}');
    expect(configurePodNetwork(options)).toEqual({ path: undefined, foreign: ['10-flannel.conflist'] });
    expect(existsSync(path!)).toBe(false);
    expect(readFileSync(join(options.confFolder, '10-flannel.conflist'), 'utf8')).toBe('{"of":"the user"}');
  });

  it('sees no configuration in other files', () => {
    configurePodNetwork(options);
    writeFileSync(join(options.confFolder, '.kubernetes-cni-keep'), '');
    writeFileSync(join(options.confFolder, 'README'), '');
    expect(configurePodNetwork(options).path).toBeDefined();
  });

  it('knows which plugins are missing', () => {
    writeFileSync(join(folder, 'loopback'), '');
    expect(missingPlugins(folder)).toEqual(['bridge', 'host-local']);
  });
});
