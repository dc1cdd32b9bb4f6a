/**
 * Debian's docker-registry for tests: several servers (plain, TLS, with passwords, with tokens) over one folder of
 * images, each ended by its pid. skopeo puts images into the folder through the first of them.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCertificateAuthority, issueCertificate } from '../base/pki.ts';
import type { KeyPair } from '../base/pki.ts';
import { realRandom } from '../base/random.ts';
import { ociArchive, sampleImage } from '../kubelet/images/sample-image.ts';
import type { SampleImage, TarMember } from '../kubelet/images/sample-image.ts';

/** What of Debian's packages is missing here for registries, and images to run from them. */
export const missingForRegistries: readonly string[] = [
  ['docker-registry', 'docker-registry'],
  ['skopeo', 'skopeo'],
  ['busybox-static', 'busybox'],
].flatMap(([name, command]) => (spawnSync(command!, ['--help']).error === undefined ? [] : [name!]));

/** The one user of registries with passwords. */
export const PASSWORD_USER = { username: 'keeper', password: 'open sesame' };
const HTPASSWD = 'keeper:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n';
const START_TIMEOUT_MS = 15_000;
const TOKEN_SERVICE = join(dirname(fileURLToPath(import.meta.url)), 'registry-token-service.mjs');

export type RegistryUsers = Record<string, { password?: string; repositories: readonly string[] }>;

export interface RegistryOptions {
  /** `192.0.2.10:5001` */
  address: string;
  tls?: boolean;
  /** `password`: `PASSWORD_USER`. Users of tokens may pull what is named; `''` is everybody. */
  auth?: 'password' | { tokens: RegistryUsers; realm: string };
}

export interface RunningRegistry {
  address: string;
  stop(): Promise<void>;
  /** After `stop`. */
  start(): Promise<void>;
}

export interface Registries {
  /** PEM file of the authority that signed for those with TLS. */
  caFile: string;
  start(options: RegistryOptions): Promise<RunningRegistry>;
  /** Puts an image under `team/app:1`, through a registry without auth. */
  push(registry: RunningRegistry, name: string, image: SampleImage): Promise<void>;
  /** The file of a blob or manifest, to be damaged. */
  blobFile(digest: string): string;
  stop(): Promise<void>;
}

/** `enter` stands before every command, such as one that enters a network namespace; `hosts` are the addresses to be certified. */
export async function openRegistries(enter: readonly string[], hosts: readonly string[]): Promise<Registries> {
  const folder = mkdtempSync(join(tmpdir(), 'nocher-registries-'));
  const caFile = join(folder, 'ca.pem');
  const issuance = { nowMs: Date.now(), notAfterMs: Date.now() + 3_600_000, random: realRandom };
  const ca = await createCertificateAuthority({ commonName: 'registries of a test', ...issuance });
  const serving = await issueCertificate({
    ca,
    commonName: 'registry',
    ipAddresses: [...hosts],
    usages: ['server'],
    ...issuance,
  });
  writeFileSync(caFile, ca.certificate);
  writeFileSync(join(folder, 'serving.pem'), serving.certificate);
  writeFileSync(join(folder, 'serving.key'), serving.privateKey);
  writeFileSync(join(folder, 'htpasswd'), HTPASSWD);
  const children: ChildProcess[] = [];
  const run = (command: string, args: readonly string[]): ChildProcess => {
    const [first, ...rest] = [...enter, command, ...args];
    const child = spawn(first!, rest, { stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(child);
    return child;
  };
  const start = async (options: RegistryOptions): Promise<RunningRegistry> => {
    const { address, auth } = options;
    if (typeof auth === 'object') await startTokenService(run, auth, serving);
    const config = join(folder, `${address.replace(':', '-')}.yml`);
    writeFileSync(config, registryConfig(folder, options));
    let child: ChildProcess | undefined;
    const registry: RunningRegistry = {
      address,
      stop: () => (child === undefined ? Promise.resolve() : end(child)),
      async start() {
        child = run('docker-registry', ['serve', config]);
        const probe = [
          '-sk',
          '-o',
          '/dev/null',
          '--max-time',
          '2',
          `http${options.tls === true ? 's' : ''}://${address}/v2/`,
        ];
        const [first, ...rest] = [...enter, 'curl', ...probe];
        await until(`docker-registry on ${address}`, child, () => spawnSync(first!, rest).status === 0);
      },
    };
    await registry.start();
    return registry;
  };
  return {
    caFile,
    start,
    async push(registry, name, image) {
      const archive = join(folder, 'archive.tar');
      writeFileSync(archive, await ociArchive(image, 'image'));
      const args = ['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false'];
      const [first, ...rest] = [
        ...enter,
        'skopeo',
        ...args,
        `oci-archive:${archive}:image`,
        `docker://${registry.address}/${name}`,
      ];
      const env = { PATH: process.env['PATH'], HOME: folder, TMPDIR: folder };
      const { status, stderr } = spawnSync(first!, rest, { encoding: 'utf8', env });
      if (status !== 0) throw new Error(`skopeo cannot push ${name}: ${stderr}`);
    },
    blobFile: (digest) =>
      join(folder, 'storage/docker/registry/v2/blobs/sha256', digest.slice(7, 9), digest.slice(7), 'data'),
    async stop() {
      await Promise.all(children.map(end));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function registryConfig(folder: string, { address, tls = false, auth }: RegistryOptions): string {
  const files = `tls: { certificate: ${folder}/serving.pem, key: ${folder}/serving.key }`;
  const lines = [
    'version: 0.1',
    `storage: { filesystem: { rootdirectory: ${folder}/storage }, maintenance: { uploadpurging: { enabled: false } } }`,
    `http: { addr: "${address}", secret: test${tls ? `, ${files}` : ''} }`,
    'log: { level: error, accesslog: { disabled: true } }',
  ];
  if (auth === 'password') lines.push(`auth: { htpasswd: { realm: keepers, path: ${folder}/htpasswd } }`);
  if (typeof auth === 'object') {
    const token = `realm: "${auth.realm}", service: images, issuer: test, rootcertbundle: ${folder}/ca.pem`;
    lines.push(`auth: { token: { ${token} } }`);
  }
  return lines.join('\n');
}

async function startTokenService(
  run: (command: string, args: readonly string[]) => ChildProcess,
  { tokens: users, realm }: { tokens: RegistryUsers; realm: string },
  serving: KeyPair,
): Promise<void> {
  const { hostname: host, port } = new URL(realm);
  const config = { host, port: Number(port), ...serving, issuer: 'test', service: 'images', users };
  const child = run(process.execPath, [TOKEN_SERVICE, JSON.stringify(config)]);
  let isReady = false;
  child.stdout!.once('data', () => (isReady = true));
  await until('the token service', child, () => isReady);
}

async function until(what: string, child: ChildProcess, isReady: () => boolean): Promise<void> {
  const deadlineMs = Date.now() + START_TIMEOUT_MS;
  while (!isReady()) {
    if (child.exitCode !== null || Date.now() > deadlineMs) throw new Error(`${what} did not start`);
    await sleep(20);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill();
  await ended;
}

/** An image that runs busybox: `files` beside it, and `command` unless a container says otherwise. */
export function busyboxImage(command: readonly string[], files: TarMember[] = []): Promise<SampleImage> {
  const path = ['/usr/bin/busybox', '/bin/busybox'].find((one) => existsSync(one))!;
  const layers = [[{ name: 'bin/busybox', mode: 0o755, content: readFileSync(path) }], files];
  return sampleImage(
    layers.filter((members) => members.length > 0),
    { Entrypoint: ['/bin/busybox', ...command] },
  );
}
