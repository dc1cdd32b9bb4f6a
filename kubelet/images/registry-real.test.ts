/** Pulls from Debian's docker-registry (distribution 2.8) on loopback; skopeo pushes. Skipped by name without them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { createImageService } from './image-service.ts';
import { ociArchive, sampleImage, type SampleImage } from './sample-image.ts';
import { createImageStore, type ImageStore } from './store.ts';

const isThere = (command: string): boolean => spawnSync(command, ['--version']).error === undefined;
const suite = isThere('skopeo') && isThere('docker-registry') ? describe : describe.skip;

suite('pullImage() from docker-registry [D3]', () => {
  let folder = '';
  let server: ChildProcess;
  let host = '';
  let store: ImageStore;
  let image: SampleImage;
  const never = new AbortController().signal;

  beforeAll(async () => {
    folder = fs.mkdtempSync(join(tmpdir(), 'nocher-distribution-'));
    const port = await freePort();
    host = `127.0.0.1:${port}`;
    const config = [
      'version: 0.1',
      `storage: { filesystem: { rootdirectory: ${folder}/registry } }`,
      `http: { addr: "${host}", secret: test }`,
      'log: { level: error }',
    ];
    fs.writeFileSync(join(folder, 'config.yml'), config.join('\n'));
    server = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
    for (let i = 0; i < 100 && !(await answers()); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    image = await sampleImage(
      [[{ name: 'a', content: 'a'.repeat(100_000) }], [{ name: '.wh.a' }, { name: 'b', content: 'b' }]],
      { Entrypoint: ['/b'] },
    );
    const archive = join(folder, 'archive.tar');
    fs.writeFileSync(archive, await ociArchive(image, 'app:1'));
    push(archive, 'team/app:1');
    push(archive, 'team/app:docker', '--format', 'v2s2');
  }, 30_000);

  afterAll(async () => {
    await store?.close();
    if (server !== undefined) {
      const ended = new Promise((resolve) => server.on('close', resolve));
      server.kill();
      await ended;
    }
    fs.rmSync(folder, { recursive: true, force: true });
  });

  async function answers(): Promise<boolean> {
    return fetch(`http://${host}/v2/`).then(
      (response) => response.ok,
      () => false,
    );
  }

  function push(archive: string, name: string, ...options: string[]): void {
    const args = ['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false', ...options];
    const env = { PATH: '/usr/bin:/bin', HOME: folder, TMPDIR: folder };
    const pushed = spawnSync('skopeo', [...args, `oci-archive:${archive}:app:1`, `docker://${host}/${name}`], {
      encoding: 'utf8',
      env,
    });
    if (pushed.status !== 0) throw new Error(pushed.stderr);
  }

  it('pulls OCI and Docker manifests, by tag and by digest, sharing layers', async () => {
    store = createImageStore({ folder: join(folder, 'images'), clock: realClock, log: silentLogger });
    const service = createImageService({ store, registry: { clock: realClock } });
    expect(await service.pullImage(`${host}/team/app:1`, undefined, never)).toBe(image.id);
    const docker = await service.pullImage(`${host}/team/app:docker`, undefined, never);
    const info = await service.imageStatus(docker);
    const [byDigest = ''] = info?.repoDigests ?? [];
    expect(await service.pullImage(byDigest, undefined, never)).toBe(docker);
    const layers = fs.readdirSync(join(folder, 'images/layers'));
    expect(layers.sort()).toEqual(image.diffIds.map((diffId) => diffId.slice(7)).sort());
    expect((await store.resolveRootfs(docker)).config.Entrypoint).toEqual(['/b']);
    const missing = `${host}/team/app:none`;
    const text = `failed to resolve reference "${missing}": ${missing}: not found`;
    await expect(service.pullImage(missing, undefined, never)).rejects.toThrow(text);
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
