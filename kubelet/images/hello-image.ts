/**
 * Makes `nocher.local/hello:1` and `:2` from what this machine has (dash, coreutils, tar and a few others with their
 * shared libraries, and a small web server), so that a first cluster runs pods without internet.
 *
 * The web server is C when a compiler is there (0.2 s to build, 0.5 MB resident, 150,000 requests/s here), otherwise
 * the same in Perl, which every Debian has (a process for each connection, 8 MB). Both tags share their only layer;
 * the version comes from the image's environment.
 */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createHash } from 'node:crypto';
import * as tar from 'tar-stream';
import { sha256, type Sha256Digest } from './digest.ts';
import { sharedLibraries } from './elf.ts';
import { hostPlatform, mediaTypes, type RootfsConfig } from './manifest.ts';
import type { ImageStore } from './store.ts';

/** What takes the images: the node's own store, or another runtime's. */
export type HelloTarget = Pick<ImageStore, 'status' | 'withLayers' | 'addLayer' | 'addImage' | 'temporaryPath'> & {
  resolveRootfs(imageId: string): Promise<{ config: Pick<RootfsConfig, 'Labels'> }>;
};

export interface HelloImageOptions {
  store: HelloTarget;
  /** Where `httpd.c` and `httpd.pl` are: `examples/hello`. */
  sourceFolder: string;
  /** `auto`: C when it can be compiled. */
  server?: 'auto' | 'c' | 'perl';
  signal: AbortSignal;
}

export const helloImages: readonly string[] = ['nocher.local/hello:1', 'nocher.local/hello:2'];

/** Changes when the recipe does. */
const RECIPE = '1';
const INPUTS_LABEL = 'nocher.hello.inputs';
const FINGERPRINT_LABEL = 'nocher.hello.fingerprint';
const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];
const HOST_PATH = FOLDERS.join(':');
const SERVER_PATH = 'usr/bin/hello-httpd';

/** Taken when the host has them; only `sh` must be there. */
const PROGRAMS =
  'sh dash arch base64 basename cat chgrp chmod chown cksum cmp comm cp cut date dd df diff dirname du echo env expr ' +
  'factor false find fold free getent grep egrep groups gzip gunzip head hostname id install join kill ln ls mkdir ' +
  'mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste printenv printf ps pwd readlink realpath rm rmdir sed ' +
  'seq sha256sum shuf sleep sort split stat stdbuf stty sync tac tail tar tee test timeout touch tr true ' +
  'truncate tty uname uniq uptime wc which whoami xargs yes zcat [';

const FILES: Record<string, string> = {
  'etc/passwd':
    'root:x:0:0:root:/root:/bin/sh\nhello:x:1000:1000:hello:/home/hello:/bin/sh\n' +
    'nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n',
  'etc/group': 'root:x:0:\nhello:x:1000:\nnogroup:x:65534:\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  'etc/os-release': 'NAME="Nocher hello"\nID=nocher-hello\nPRETTY_NAME="Nocher hello"\n',
};

const DIRECTORIES: [string, number][] = [
  ...[
    'dev',
    'etc',
    'etc/hello',
    'home',
    'mnt',
    'proc',
    'run',
    'srv',
    'sys',
    'usr',
    'usr/bin',
    'usr/lib',
    'usr/lib64',
    'var',
  ].map((name): [string, number] => [name, 0o755]),
  ['home/hello', 0o755],
  ['root', 0o700],
  ['tmp', 0o1777],
  ['var/tmp', 0o1777],
];

/** In the image as on a Debian with merged /usr, wherever the host has its files. */
const LINKS: [string, string][] = [
  ['bin', 'usr/bin'],
  ['sbin', 'usr/bin'],
  ['lib', 'usr/lib'],
  ['lib64', 'usr/lib64'],
];

/**
 * Makes sure that the store has both images; resolves with their ids, in the order of `helloImages`. Does nothing but
 * a few stats when they are there and were made from the same inputs.
 */
export async function buildHelloImages(options: HelloImageOptions): Promise<string[]> {
  const present = await findPresent(options);
  if (present !== undefined) return present;
  const temporary = await options.store.temporaryPath();
  await fs.promises.mkdir(temporary, { mode: 0o700 });
  try {
    const server = await buildServer(options, temporary);
    const programs = findPrograms();
    const files = collectFiles(programs, server);
    const layer = join(temporary, 'layer.tar');
    const diffId = await writeLayer(layer, files);
    const inputs = [...new Set([...programs, ...files.inputs])].sort();
    const labels = { [INPUTS_LABEL]: inputs.join('\n'), [FINGERPRINT_LABEL]: fingerprint(inputs, options) };
    return await options.store.withLayers([diffId], async () => {
      await options.store.addLayer(diffId, () => ({ content: createReadStream(layer) }), options.signal);
      const ids: string[] = [];
      for (const name of helloImages) {
        ids.push(await addImage(options.store, name, { diffId, sizeBytes: fs.statSync(layer).size, labels }));
      }
      return ids;
    });
  } finally {
    await fs.promises.rm(temporary, { recursive: true, force: true });
  }
}

async function findPresent(options: HelloImageOptions): Promise<string[] | undefined> {
  const ids: string[] = [];
  for (const name of helloImages) {
    const found = await options.store.status(name);
    if (found === undefined) return undefined;
    const { Labels } = (await options.store.resolveRootfs(found.id)).config;
    const inputs = (Labels[INPUTS_LABEL] ?? '').split('\n');
    if (Labels[FINGERPRINT_LABEL] !== fingerprint(inputs, options)) return undefined;
    ids.push(found.id);
  }
  return ids;
}

/** Of everything the image is made from: the host's files by size and time of change, our own by content. */
function fingerprint(inputs: string[], { server = 'auto', sourceFolder }: HelloImageOptions): string {
  const states = inputs.map((path) => {
    const found = fs.statSync(path, { throwIfNoEntry: false });
    return `${path} ${found?.size} ${found?.mtimeMs}`;
  });
  const sources = ['httpd.c', 'httpd.pl'].map((name) => sha256(fs.readFileSync(join(sourceFolder, name))));
  return sha256([RECIPE, server, `compiler ${findProgram('cc') !== undefined}`, ...states, ...sources].join('\n'));
}

function findProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => `${folder}/${name}`).find((path) => fs.existsSync(path));
}

function findPrograms(): string[] {
  const found = PROGRAMS.split(' ').flatMap((name) => findProgram(name) ?? []);
  if (!found.some((path) => path.endsWith('/sh'))) throw new Error('the hello image needs a shell in /bin');
  return found;
}

const run = promisify(execFile);

/** Host path of the web server, and what else it needs. */
interface BuiltServer {
  path: string;
  /** Host folder that goes into the image under the same path. */
  tree?: string;
}

async function buildServer(options: HelloImageOptions, temporary: string): Promise<BuiltServer> {
  const { server = 'auto', sourceFolder, signal } = options;
  const script = join(sourceFolder, 'httpd.pl');
  if (server !== 'perl') {
    const compiler = findProgram('cc');
    const path = join(temporary, 'httpd');
    try {
      if (compiler === undefined) throw new Error('no C compiler');
      const args = ['-std=c11', '-O2', '-s', '-o', path, join(sourceFolder, 'httpd.c')];
      // What a compiler that is killed leaves lies in our folder, not in the machine's.
      const env = { PATH: HOST_PATH, LC_ALL: 'C', TMPDIR: temporary };
      await run(compiler, args, { env, signal, timeout: 60_000 });
      return { path };
    } catch (error) {
      if (server === 'c') throw error;
    }
  }
  const { stdout } = await run('perl', ['-e', 'print join "\\n", @INC'], { env: { PATH: HOST_PATH }, signal });
  const tree = stdout.split('\n').find((folder) => folder.endsWith('/perl-base'));
  if (tree === undefined) throw new Error('the hello image needs a C compiler, or the package perl-base');
  return { path: script, tree };
}

interface Files {
  /** Path in the image → content, or a path on the host. */
  members: Map<string, { content: string } | { host: string; mode: number }>;
  /** Host paths that it came from. */
  inputs: string[];
}

function collectFiles(programs: string[], server: BuiltServer): Files {
  const members: Files['members'] = new Map();
  for (const [name, content] of Object.entries(FILES)) members.set(name, { content });
  const binaries = [...programs];
  const perl = server.tree === undefined ? undefined : findProgram('perl');
  if (perl !== undefined && server.tree !== undefined) {
    binaries.push(perl);
    for (const path of filesBelow(server.tree)) {
      members.set(path.slice(1), { host: path, mode: 0o644 });
      if (path.endsWith('.so')) binaries.push(path);
    }
  } else binaries.push(server.path);
  const libraries = sharedLibraries(binaries);
  const executables = binaries.filter((path) => FOLDERS.includes(dirname(path)));
  for (const path of executables) members.set(`usr/bin/${basename(path)}`, { host: path, mode: 0o755 });
  for (const path of libraries) members.set(inImage(path), { host: path, mode: 0o755 });
  members.set(SERVER_PATH, { host: server.path, mode: 0o755 });
  return { members, inputs: [...executables, ...libraries] };
}

function filesBelow(folder: string): string[] {
  const entries = fs.readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** Where a library goes when /lib and /lib64 are links into /usr. */
function inImage(path: string): string {
  return path.startsWith('/usr/') ? path.slice(1) : `usr${path}`;
}

/** The same inputs give the same bytes: sorted, no times, no owners. */
async function writeLayer(path: string, { members }: Files): Promise<Sha256Digest> {
  const pack = tar.pack();
  const hash = createHash('sha256');
  const hashed = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
  const writing = pipeline(pack as AsyncIterable<Buffer>, hashed, createWriteStream(path));
  const base = { uid: 0, gid: 0, mtime: new Date(0) };
  for (const [name, mode] of DIRECTORIES) pack.entry({ ...base, name, mode, type: 'directory' });
  for (const [name, linkname] of LINKS) pack.entry({ ...base, name, linkname, type: 'symlink' });
  for (const [name, member] of [...members].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const content = 'content' in member ? member.content : await fs.promises.readFile(member.host);
    pack.entry({ ...base, name, mode: 'content' in member ? 0o644 : member.mode }, content);
  }
  pack.finalize();
  await writing;
  return `sha256:${hash.digest('hex')}`;
}

async function addImage(
  store: HelloTarget,
  name: string,
  { diffId, sizeBytes, labels }: { diffId: Sha256Digest; sizeBytes: number; labels: Record<string, string> },
): Promise<string> {
  const { os, architecture } = hostPlatform();
  const version = name.slice(name.lastIndexOf(':') + 1);
  const config = Buffer.from(
    JSON.stringify({
      os,
      architecture,
      created: '1970-01-01T00:00:00Z',
      config: {
        Env: [`PATH=${HOST_PATH}`, `HELLO_VERSION=${version}`],
        Entrypoint: [`/${SERVER_PATH}`],
        WorkingDir: '/',
        ExposedPorts: { '8080/tcp': {} },
        Labels: labels,
      },
      rootfs: { type: 'layers', diff_ids: [diffId] },
    }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest: sha256(config), size: config.length },
      layers: [{ mediaType: mediaTypes.ociLayer, digest: diffId, size: sizeBytes }],
    }),
  );
  const repoDigests = [`${name.slice(0, name.lastIndexOf(':'))}@${sha256(manifest)}`];
  return store.addImage({ config, manifests: [manifest], tags: [name], repoDigests });
}
