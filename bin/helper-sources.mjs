// Which sources the helper is built from, by one digest: the shipped builds name the sources that they are of.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const native = join(dirname(fileURLToPath(import.meta.url)), '../native');
export const prebuilt = join(native, 'prebuilt');

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

export function sourcesDigest() {
  const files = readdirSync(native).filter((name) => name === 'Makefile' || /\.[ch]$/.test(name));
  return sha256(
    files
      .sort()
      .map((name) => `${name} ${sha256(readFileSync(join(native, name)))}\n`)
      .join(''),
  );
}

export const readManifest = () => JSON.parse(readFileSync(join(prebuilt, 'manifest.json'), 'utf8'));
export const prebuiltHelper = (arch) => join(prebuilt, `nocher-native-${arch}`);

/** The shipped helper for this machine; undefined where there is none of these sources. */
export function usablePrebuilt() {
  if (!existsSync(prebuiltHelper(process.arch))) return undefined;
  return readManifest().sources === sourcesDigest() ? prebuiltHelper(process.arch) : undefined;
}
