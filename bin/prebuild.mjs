// Builds the helpers that are shipped for machines without a compiler (native/prebuilt, for x64 and arm64): Debian's gcc,
// with Debian's musl as the C library, the same bytes each time. `--check` builds and compares. Needs apt, and the packages
// gcc, make, linux-libc-dev, gcc-aarch64-linux-gnu and linux-libc-dev-arm64-cross.
import './require-node.mjs';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prebuilt, prebuiltHelper, readManifest, sha256, sourcesDigest } from './helper-sources.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** By which names Debian knows them. */
const TARGETS = [
  {
    arch: 'x64',
    debian: 'amd64',
    triple: 'x86_64-linux-gnu',
    include: '/usr/include',
    asm: '/usr/include/x86_64-linux-gnu/asm',
  },
  { arch: 'arm64', debian: 'arm64', triple: 'aarch64-linux-gnu', include: '/usr/aarch64-linux-gnu/include' },
];
/** Both architectures' packages of this version are taken, with these digests. */
const MUSL = {
  version: '1.2.3-1',
  amd64: '7c34f29a0c1aa12f6da1d25ed6de6fe6bbd9e048ee76b3dcb88c5e51fb65507f',
  arm64: '55c2ca4bc3041c8ed8ac7dc3ef6080d9551a21650568b2fd7610b59eaf98a4f4',
};

class Unavailable extends Error {}

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (status !== 0) throw new Error(`${command} ${args[0]}: ${stderr || String(error)}`);
  return stdout;
}

function compilerOf({ triple }) {
  const { status, stdout } = spawnSync(`${triple}-gcc`, ['--version'], { encoding: 'utf8' });
  if (status !== 0) throw new Unavailable(`${triple}-gcc is missing`);
  // Without its own name: cross and native compilers are of one source package.
  return stdout.split('\n')[0].replace(/^\S+ /, '');
}

/** Debian's musl for one architecture, unpacked; apt's own lists and settings stay as they are. */
function fetchMusl({ debian }, folder) {
  for (const name of ['lists/partial', 'cache/archives/partial', 'musl'])
    mkdirSync(join(folder, name), { recursive: true });
  const options = [
    `APT::Architecture=${debian}`,
    `APT::Architectures=${debian}`,
    `Dir::State::lists=${join(folder, 'lists')}`,
    `Dir::Cache=${join(folder, 'cache')}`,
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  try {
    run('apt-get', [...options, 'update', '-qq']);
    run('apt-get', [...options, 'download', '-qq', `musl-dev=${MUSL.version}`], { cwd: folder });
  } catch (error) {
    throw new Unavailable(`musl-dev ${MUSL.version} cannot be had: ${error.message.trim().split('\n').at(-1)}`);
  }
  const archive = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.deb')),
  );
  if (sha256(readFileSync(archive)) !== MUSL[debian]) throw new Error(`${archive} is not the musl-dev that was pinned`);
  run('dpkg-deb', ['-x', archive, join(folder, 'musl')]);
  return join(folder, 'musl/usr');
}

/** Only musl's headers, the compiler's own and the kernel's; gives the program. */
function build(target, folder) {
  const usr = fetchMusl(target, folder);
  const gcc = `${target.triple}-gcc`;
  const ofCompiler = (option) => run(gcc, [option]).trim();
  const kernel = join(folder, 'kernel');
  mkdirSync(kernel);
  for (const name of ['linux', 'asm-generic']) symlinkSync(join(target.include, name), join(kernel, name));
  symlinkSync(target.asm ?? join(target.include, 'asm'), join(kernel, 'asm'));
  const musl = readdirSync(join(usr, 'lib')).map((name) => join(usr, 'lib', name))[0];
  const headers = join(usr, 'include', basename(musl));
  const compile = [gcc, '-nostdinc', '-isystem', headers, '-isystem', ofCompiler('-print-file-name=include')];
  const link = ['crt1.o', 'crti.o', 'libc.a', ofCompiler('-print-libgcc-file-name'), 'libc.a', 'crtn.o'];
  const flags = [
    `CC=${compile.join(' ')} -idirafter ${kernel} -ffile-prefix-map=${folder}=`,
    `LDFLAGS=-static -nostdlib -s -Wl,--build-id=none ${link.map((name) => resolve(musl, name)).join(' ')}`,
    `OUT=${join(folder, 'out')}`,
  ];
  run('make', ['-s', '-C', join(root, 'native'), ...flags]);
  return readFileSync(join(folder, 'out/nocher-native'));
}

function buildIn(target) {
  const folder = mkdtempSync(join(tmpdir(), 'nocher-prebuild-'));
  try {
    return build(target, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What differs, one line each. */
function compare() {
  const manifest = readManifest();
  if (manifest.sources !== sourcesDigest())
    return ['native/prebuilt is of other sources than native/; run: node bin/prebuild.mjs'];
  return TARGETS.flatMap((target) => {
    const { compiler, sha256: expected } = manifest[target.arch];
    const found = compilerOf(target);
    if (found !== compiler)
      throw new Unavailable(`the shipped ${target.arch} helper is of gcc ${compiler}, here is ${found}`);
    const shipped = sha256(readFileSync(prebuiltHelper(target.arch)));
    const built = sha256(buildIn(target));
    return shipped === expected && built === expected
      ? []
      : [`${target.arch}: the manifest says ${expected}, shipped is ${shipped}, its sources give ${built}`];
  });
}

function write() {
  mkdirSync(prebuilt, { recursive: true });
  const built = TARGETS.map((target) => [target.arch, compilerOf(target), buildIn(target)]);
  for (const [arch, , bytes] of built) writeFileSync(prebuiltHelper(arch), bytes, { mode: 0o755 });
  const facts = built.map(([arch, compiler, bytes]) => [arch, { compiler, sha256: sha256(bytes) }]);
  const manifest = { sources: sourcesDigest(), musl: MUSL.version, ...Object.fromEntries(facts) };
  writeFileSync(join(prebuilt, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** Exit code 2: it cannot be compared here. */
try {
  const problems = process.argv.includes('--check') ? compare() : (write(), []);
  for (const problem of problems) process.stderr.write(`prebuild: ${problem}\n`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} catch (error) {
  process.stderr.write(`prebuild: ${error.message}\n`);
  process.exitCode = error instanceof Unavailable ? 2 : 1;
}
