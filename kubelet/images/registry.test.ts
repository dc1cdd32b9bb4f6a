import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { ImageError, type PullAuth } from '../runtime.ts';
import { createImageService } from './image-service.ts';
import { mediaTypes } from './manifest.ts';
import type { RegistryConfig } from './registry.ts';
import { sampleImage, SampleRegistry, type SampleImage } from './sample-image.ts';
import { createImageStore, type ImageStore } from './store.ts';

let folder = '';
let registry: SampleRegistry;
let store: ImageStore;
let image: SampleImage;
const never = new AbortController().signal;

beforeEach(async () => {
  folder = fs.mkdtempSync(join(tmpdir(), 'nocher-registry-'));
  store = createImageStore({ folder, clock: realClock, log: silentLogger });
  registry = await SampleRegistry.start();
  const noise = createHash('shake256', { outputLength: 300_000 }).update('noise').digest();
  image = await sampleImage([
    [{ name: 'a', content: noise }],
    [{ name: 'b', content: 'b' }],
    [{ name: 'c', content: 'c' }],
  ]);
  registry.add(image, 'v1');
});

afterEach(async () => {
  await registry.stop();
  await store.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

function pull(reference: string, auth?: PullAuth, config: Partial<RegistryConfig> = {}): Promise<string> {
  return createImageService({ store, registry: { clock: realClock, ...config } }).pullImage(reference, auth, never);
}

async function failure(pulling: Promise<string>): Promise<string> {
  const error = await pulling.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ImageError);
  expect(fs.existsSync(join(folder, 'tmp')) ? fs.readdirSync(join(folder, 'tmp')) : []).toEqual([]);
  return (error as ImageError).message;
}

function name(): string {
  return `${registry.host}/team/app:v1`;
}

describe('pullImage()', () => {
  it('pulls a manifest, its config and its layers, and finds layers again without asking', async () => {
    expect(await pull(name())).toBe(image.id);
    const found = await store.status(name());
    expect(found).toMatchObject({ repoTags: [name()], repoDigests: [`${registry.host}/team/app@${image.digest}`] });
    expect((await store.resolveRootfs(image.id)).lowerDirs).toHaveLength(3);
    expect(await pull(`${registry.host}/team/app@${image.digest}`)).toBe(image.id);
    expect(registry.count('/blobs/')).toBe(4 + 1);
  });

  it('picks this machine in an index, and says when it is not there', async () => {
    const platform = (architecture: string): object => ({ os: 'linux', architecture });
    const own = process.arch === 'x64' ? 'amd64' : process.arch;
    const entry = { mediaType: mediaTypes.ociManifest, digest: image.digest, size: image.manifest.length };
    const other = { ...entry, digest: `sha256:${'1'.repeat(64)}`, platform: platform('s390x') };
    const index = (manifests: object[]): Buffer => Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }));
    registry.addManifest(index([other, { ...entry, platform: platform(own) }]), 'multi', mediaTypes.ociIndex);
    registry.addManifest(index([other]), 'foreign', mediaTypes.dockerList);
    expect(await pull(`${registry.host}/team/app:multi`)).toBe(image.id);
    const reference = `${registry.host}/team/app:foreign`;
    const text = `failed to pull and unpack image "${reference}": no match for platform in manifest: not found`;
    expect(await failure(pull(reference))).toBe(text);
  });

  it('words a missing image as containerd does', async () => {
    const reference = `${registry.host}/team/app:v2`;
    const text = `failed to pull and unpack image "${reference}": failed to resolve reference "${reference}": ${reference}: not found`;
    expect(await failure(pull(reference))).toBe(text);
  });

  it('words an unreachable registry as Go does', async () => {
    const { host } = registry;
    const reference = name();
    await registry.stop();
    const text = await failure(pull(reference));
    expect(text).toContain(
      `failed to resolve reference "${reference}": failed to do request: Get "http://${host}/v2/team/app/manifests/v1"`,
    );
    expect(text).toContain(`dial tcp ${host}: connect: connection refused`);
    registry = await SampleRegistry.start();
    const unknown = await failure(pull('registry.nocher.invalid/x:1'));
    expect(unknown).toMatch(
      /Get "https:\/\/registry\.nocher\.invalid\/v2\/x\/manifests\/1": dial tcp: lookup registry\.nocher\.invalid/,
    );
  });

  it('shows what the registry says, short and on one line', async () => {
    registry.intercept = (_request, response) => {
      const errors = [{ code: 'TOOMANYREQUESTS', message: `rate\nlimit${'x'.repeat(5000)}` }];
      response.writeHead(429).end(JSON.stringify({ errors }));
      return true;
    };
    const text = await failure(pull(name()));
    expect(text).toContain(
      `unexpected status from GET request to http://${registry.host}/v2/team/app/manifests/v1: 429 Too Many Requests: toomanyrequests: rate limit`,
    );
    expect(text.length).toBeLessThan(800);
  });

  it('refuses an invalid name before it asks anybody', async () => {
    await expect(pull('Bad/Name:x')).rejects.toMatchObject({ reason: 'InvalidImageName' });
  });

  it('goes on where a broken transfer stopped', async () => {
    let broken = 0;
    registry.intercept = (request, response) => {
      const isBlob = request.url?.includes('/blobs/') === true;
      if (!isBlob || broken >= 2 || !response.socket) return false;
      const bytes = image.blobs.get(/sha256:[a-f0-9]+/.exec(request.url ?? '')?.[0] ?? '') ?? Buffer.alloc(0);
      if (bytes.length < 10_000) return false;
      broken += 1;
      const start = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
      response.writeHead(start > 0 ? 206 : 200, { 'content-length': bytes.length - start });
      response.write(bytes.subarray(start, start + 4000), () => response.destroy());
      return true;
    };
    expect(await pull(name())).toBe(image.id);
    expect(broken).toBe(2);
    expect(registry.requests.map(({ range }) => range).filter(Boolean)).toEqual(['bytes=4000-', 'bytes=8000-']);
  });

  it('skips what it has when the server knows no ranges', async () => {
    let broken = false;
    registry.intercept = (request, response) => {
      const bytes = image.blobs.get(/sha256:[a-f0-9]+/.exec(request.url ?? '')?.[0] ?? '');
      if (bytes === undefined || bytes.length < 10_000) return false;
      response.writeHead(200, { 'content-length': bytes.length });
      if (broken) response.end(bytes);
      else response.write(bytes.subarray(0, 4000), () => response.destroy());
      broken = true;
      return true;
    };
    expect(await pull(name())).toBe(image.id);
  });

  it('gives up on a blob that never comes, and on one with other content', async () => {
    registry.intercept = (request, response) => {
      if (request.url?.includes('/blobs/') !== true) return false;
      response.destroy();
      return true;
    };
    expect(await failure(pull(name()))).toContain('failed to do request: Get');
    registry.intercept = (request, response) => {
      const digest = /blobs\/(sha256:[a-f0-9]+)/.exec(request.url ?? '')?.[1] ?? '';
      const bytes = image.blobs.get(digest);
      if (bytes === undefined || digest === image.id) return false;
      const changed = Buffer.from(bytes);
      changed[20] = (changed[20] ?? 0) ^ 0xff;
      response.end(changed);
      return true;
    };
    expect(await failure(pull(name()))).toMatch(/unexpected commit digest|incorrect|invalid/);
    expect(await store.list()).toEqual([]);
  });

  it('refuses documents that are not what they are called', async () => {
    const other = await sampleImage([]);
    registry.intercept = (request, response) => {
      if (request.url?.includes('/manifests/sha256:') !== true) return false;
      response.end(other.manifest);
      return true;
    };
    const text = await failure(pull(`${registry.host}/team/app@${image.digest}`));
    expect(text).toContain(`unexpected commit digest ${other.digest}, expected ${image.digest}`);
    registry.intercept = (request, response) => {
      if (request.url?.includes('/manifests/') !== true) return false;
      response.end(Buffer.alloc(6_000_000, 32));
      return true;
    };
    expect(await failure(pull(name()))).toContain('response is larger than 4194304 bytes');
  });

  it('makes one pull of many, which ends when all have given up', async () => {
    const service = createImageService({ store, registry: { clock: realClock } });
    const ids = await Promise.all([1, 2, 3].map(() => service.pullImage(name(), undefined, never)));
    expect(ids).toEqual([image.id, image.id, image.id]);
    expect(registry.count('/manifests/')).toBe(1);
    await store.remove(image.id);
    let closed = 0;
    registry.intercept = (request, response) => {
      if (request.url?.includes('/blobs/') !== true) return false;
      response.on('close', () => (closed += 1));
      return true;
    };
    const controllers = [new AbortController(), new AbortController()];
    const pulls = controllers.map(({ signal }) => service.pullImage(name(), undefined, signal));
    const settled = Promise.allSettled(pulls);
    while (registry.count('/blobs/') < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    controllers[0]?.abort();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(closed).toBe(0);
    controllers[1]?.abort();
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    while (closed === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    registry.intercept = () => false;
    expect(await service.pullImage(name(), undefined, never)).toBe(image.id);
  });
});

describe('pullImage() with credentials [D3]', () => {
  const auth = { username: 'ann', password: 's3cret' };
  const basic = `Basic ${Buffer.from('ann:s3cret').toString('base64')}`;

  function challenge(response: ServerResponse, header: string): true {
    response.writeHead(401, { 'www-authenticate': header }).end('{}');
    return true;
  }

  /** A token server beside the registry; the token is good for the scope that was asked. */
  async function withTokenServer(
    use: (realm: string, seen: { url: string; authorization: string | undefined; body: string }[]) => Promise<void>,
  ): Promise<void> {
    const seen: { url: string; authorization: string | undefined; body: string }[] = [];
    const server = createServer((request: IncomingMessage, response: ServerResponse) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { authorization } = request.headers;
        seen.push({ url: request.url ?? '', authorization, body });
        const isAnn = authorization === basic || body.includes('refresh_token=refresh-me');
        if (authorization !== undefined && !isAnn) response.writeHead(401).end();
        else response.end(JSON.stringify({ token: isAnn ? 'token-of-ann' : 'anonymous', expires_in: 300 }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/token`, seen);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it('fetches a token for the repository once, with the credentials or a refresh token', async () => {
    await withTokenServer(async (realm, seen) => {
      registry.intercept = (request, response) =>
        request.headers.authorization !== 'Bearer token-of-ann' &&
        challenge(response, `Bearer realm="${realm}",service="reg, the first",scope="repository:team/app:pull"`);
      expect(await pull(name(), auth)).toBe(image.id);
      expect(seen).toHaveLength(1);
      expect(seen[0]?.url).toBe('/token?service=reg%2C+the+first&scope=repository%3Ateam%2Fapp%3Apull');
      expect(seen[0]?.authorization).toBe(basic);
      await store.remove(image.id);
      expect(await pull(name(), { username: '', password: '', identityToken: 'refresh-me' })).toBe(image.id);
      expect(seen[1]?.body).toContain('grant_type=refresh_token');
    });
  });

  it('words denied access as containerd does', async () => {
    await withTokenServer(async (realm) => {
      registry.intercept = (request, response) => {
        const error = request.headers.authorization === undefined ? '' : ',error="insufficient_scope"';
        return challenge(response, `Bearer realm="${realm}",service="r",scope="repository:team/app:pull"${error}`);
      };
      const reference = name();
      const denied = 'pull access denied, repository does not exist or may require authorization';
      const text = `failed to pull and unpack image "${reference}": failed to resolve reference "${reference}": ${denied}: server message: insufficient_scope: authorization failed`;
      expect(await failure(pull(reference))).toBe(text);
      const wrong = await failure(pull(reference, { username: 'ann', password: 'wr0ng' }));
      expect(wrong).toContain(
        `${denied}: failed to authorize: failed to fetch oauth token: unexpected status from GET request to ${realm}: 401 Unauthorized`,
      );
      expect(wrong).not.toContain('wr0ng');
    });
  });

  it('sends basic credentials only when asked', async () => {
    registry.intercept = (request, response) =>
      request.headers.authorization !== basic && challenge(response, 'Basic realm="r"');
    expect(await failure(pull(name()))).toContain('authorization failed: no basic auth credentials');
    expect(await pull(name(), auth)).toBe(image.id);
    expect(registry.requests[0]?.authorization).toBeUndefined();
  });

  it('follows redirects of blobs and tells the other host nothing', async () => {
    const other = await SampleRegistry.start();
    other.add(image, 'v1');
    registry.intercept = (request, response) => {
      if (request.headers.authorization !== basic) return challenge(response, 'Basic realm="r"');
      if (request.url?.includes('/blobs/') !== true) return false;
      response.writeHead(307, { location: `http://${other.host}${request.url}?sig=x` }).end();
      return true;
    };
    try {
      expect(await pull(name(), auth)).toBe(image.id);
      expect(other.count('/blobs/')).toBe(4);
      expect(other.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
      registry.intercept = (request, response) => {
        response.writeHead(302, { location: request.url ?? '/' }).end();
        return true;
      };
      expect(await failure(pull(`${registry.host}/team/app:loop`))).toContain('stopped after 5 redirects');
    } finally {
      await other.stop();
    }
  });

  it('asks mirrors first, without the credentials, and the registry when they have nothing', async () => {
    const mirror = await SampleRegistry.start();
    registry.intercept = (request, response) =>
      request.headers.authorization !== basic && challenge(response, 'Basic realm="r"');
    const mirrors = [{ registry: registry.host, url: `http://${mirror.host}/` }];
    try {
      expect(await pull(name(), auth, { mirrors })).toBe(image.id);
      expect(mirror.requests[0]?.url).toBe(`/v2/team/app/manifests/v1?ns=${encodeURIComponent(registry.host)}`);
      expect(mirror.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
      await store.remove(image.id);
      mirror.add(image, 'v1');
      const asked = registry.requests.length;
      expect(await pull(name(), auth, { mirrors })).toBe(image.id);
      expect(
        await pull('docker.io/team/app:v1', undefined, { mirrors: [{ registry: '*', url: `http://${mirror.host}` }] }),
      ).toBe(image.id);
      expect(registry.requests).toHaveLength(asked);
    } finally {
      await mirror.stop();
    }
  });
});

describe('proxies', () => {
  it('tunnels https with CONNECT and the proxy’s own credentials', async () => {
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request: IncomingMessage, socket) => {
      asked.push(`${request.url} ${request.headers['proxy-authorization']}`);
      const { port } = new URL(`http://${registry.host}`);
      const upstream = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        socket.pipe(upstream).pipe(socket);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const url = `http://u:p@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      // The tunnel ends at a plain server: that it was reached is enough.
      const text = await failure(pull('r.invalid/x:1', undefined, { proxy: { https: url } }));
      expect(text).toContain('server gave HTTP response to HTTPS client');
      expect(asked).toEqual([`r.invalid:443 Basic ${Buffer.from('u:p').toString('base64')}`]);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it('sends plain http through the proxy as absolute URLs', async () => {
    const config = {
      proxy: { http: `http://${registry.host}` },
      mirrors: [{ registry: 'docker.io', url: 'http://mirror.invalid' }],
    };
    expect(await pull('team/app:v1', undefined, config)).toBe(image.id);
    expect(registry.requests[0]?.url).toBe('http://mirror.invalid/v2/team/app/manifests/v1?ns=docker.io');
  });
});
