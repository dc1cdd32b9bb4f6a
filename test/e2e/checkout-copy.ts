/** A second checkout, to build in: one that clusters of other tests are started from must not change meanwhile. */
import { cpSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const LEFT_OUT = ['dist', 'node_modules', '.git'];

/** The sources as they are, with the same packages; the caller removes the folder. */
export function copyOfCheckout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nocher-e2e-'));
  cpSync(root, folder, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !LEFT_OUT.includes(basename(path)),
  });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}
