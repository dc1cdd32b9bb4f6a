/**
 * What Node has no call for: device nodes (an overlay whiteout is a character device 0/0), FIFOs and extended
 * attributes (an opaque directory, file capabilities). They are collected while a layer is unpacked and made in one
 * go by the host's GNU tar (essential on Debian and Ubuntu), from a small archive that we write ourselves.
 *
 * **Invariant:** every member's path was checked to have only real directories of the layer above it, after the last
 * entry of the layer was applied; the layer's own archive is never given to tar.
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { dirname } from 'node:path';
import * as tar from 'tar-stream';
import type { EntryAttributes, LayerTree } from './layer-tree.ts';

type TarHeader = Partial<tar.Header> & { name: string };

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const MAX_STDERR_BYTES = 4096;

export class LayerSpecials {
  readonly #tree: LayerTree;
  /** Overlay reads `trusted.*` when root mounts it, `user.*` in a user namespace (`userxattr`). */
  readonly #overlayNamespace = process.geteuid?.() === 0 ? 'trusted' : 'user';
  readonly #whiteouts = new Set<string>();
  readonly #opaque = new Set<string>();
  readonly #fifos = new Map<string, EntryAttributes>();
  readonly #capabilities = new Map<string, string>();

  constructor(tree: LayerTree) {
    this.#tree = tree;
  }

  whiteout(path: string): void {
    this.#whiteouts.add(path);
  }

  opaque(directory: string): void {
    this.#opaque.add(directory);
  }

  fifo(path: string, attributes: EntryAttributes): void {
    this.#tree.clear(path);
    this.#fifos.set(path, attributes);
  }

  /** The value of `security.capability` as tar-stream decoded it; one that did not survive the decoding is dropped. */
  capability(path: string, value: string): void {
    if (!value.includes('\ufffd') && Buffer.byteLength(value) <= 64) this.#capabilities.set(path, value);
  }

  /** Makes everything that was collected. Call once, after the last entry. */
  async make(signal: AbortSignal): Promise<void> {
    this.#resolveWhiteouts();
    const headers = [...this.#deviceHeaders(), ...this.#fifoHeaders(), ...this.#opaqueHeaders()];
    const capable = [...this.#capabilities].filter(([path]) => this.#isCapableFile(path));
    if (headers.length === 0 && capable.length === 0) return;
    const pack = tar.pack();
    const child = this.#startTar(signal);
    const writing = this.#writeMembers(pack, headers, capable);
    // The one that fails first is the reason; the others end because of it.
    await Promise.all([child.exited, writing, pipeline(pack, child.stdin).catch(ignoreBrokenPipe)]);
  }

  /** A name both removed and present: present wins; a directory of that name hides the lower one's content. */
  #resolveWhiteouts(): void {
    for (const path of this.#whiteouts) {
      const found = this.#isInTree(path) ? this.#tree.lstat(path) : undefined;
      if (!this.#isInTree(path) || found !== undefined || this.#fifos.has(path)) this.#whiteouts.delete(path);
      if (found?.isDirectory()) this.#opaque.add(path);
    }
  }

  #isInTree(path: string): boolean {
    return this.#tree.isDirectory(dirname(path));
  }

  #isCapableFile(path: string): boolean {
    return this.#isInTree(path) && this.#tree.lstat(path)?.isFile() === true;
  }

  #relative(path: string): string {
    return `.${path.slice(this.#tree.root.length)}`;
  }

  #deviceHeaders(): TarHeader[] {
    const header = { type: 'character-device', devmajor: 0, devminor: 0, mode: 0, mtime: new Date(0) } as const;
    return [...this.#whiteouts].map((path) => ({ ...header, name: this.#relative(path) }));
  }

  #fifoHeaders(): TarHeader[] {
    const present = [...this.#fifos].filter(([path]) => this.#isInTree(path) && this.#tree.lstat(path) === undefined);
    return present.map(([path, attributes]) => ({
      type: 'fifo',
      name: this.#relative(path),
      ...tarAttributes(attributes),
    }));
  }

  #opaqueHeaders(): TarHeader[] {
    const pax = { [`SCHILY.xattr.${this.#overlayNamespace}.overlay.opaque`]: 'y' };
    const present = [...this.#opaque].filter((path) => this.#tree.isDirectory(path));
    return present.map((path) => ({
      type: 'directory',
      name: this.#relative(path),
      mode: 0o700,
      mtime: new Date(0),
      pax,
    }));
  }

  async #writeMembers(pack: tar.Pack, headers: TarHeader[], capable: [string, string][]): Promise<void> {
    for (const header of headers) await writeEntry(pack, header);
    for (const [path, value] of capable) {
      const { mode, uid, gid, mtimeMs, size } = fs.lstatSync(path);
      const attributes = tarAttributes({ mode: mode & 0o7777, uid, gid, mtimeSeconds: mtimeMs / 1000 });
      const pax = { 'SCHILY.xattr.security.capability': value };
      const header: TarHeader = { name: this.#relative(path), type: 'file', size, pax, ...attributes };
      // tar unlinks the old file before it reads the new one, so the one that is open here keeps its content.
      await writeEntry(pack, header, fs.createReadStream(path));
    }
    pack.finalize();
  }

  #startTar(signal: AbortSignal): { stdin: NodeJS.WritableStream; exited: Promise<void> } {
    const xattrs = `--xattrs-include=${this.#overlayNamespace}.overlay.opaque`;
    const args = ['-x', '-f', '-', '-C', this.#tree.root, '-p', '--numeric-owner', '--xattrs', xattrs];
    const child = spawn('tar', [...args, '--xattrs-include=security.capability'], {
      env: { PATH, LC_ALL: 'C' },
      stdio: ['pipe', 'ignore', 'pipe'],
      signal,
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < MAX_STDERR_BYTES) stderr += chunk.toString();
    });
    const exited = new Promise<void>((resolve, reject) => {
      child.on('error', (error) =>
        reject(new Error(`whiteouts need the host's tar: ${error.message}`, { cause: error })),
      );
      child.on('close', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`making whiteouts failed: ${stderr.slice(0, MAX_STDERR_BYTES).trim()}`));
      });
    });
    return { stdin: child.stdin, exited };
  }
}

function tarAttributes({ mode, uid, gid, mtimeSeconds }: EntryAttributes): Partial<TarHeader> {
  return { mode, uid, gid, mtime: new Date(mtimeSeconds * 1000) };
}

/** tar has ended: its exit code, or the aborted signal, says why. */
function ignoreBrokenPipe(): void {
  // Nothing to add.
}

async function writeEntry(pack: tar.Pack, header: TarHeader, content?: NodeJS.ReadableStream): Promise<void> {
  const written = new Promise<void>((resolve, reject) => {
    const sink = pack.entry(header, (error) => (error ? reject(error) : resolve()));
    if (content === undefined) sink.end(null);
    else pipeline(content, sink).catch(reject);
  });
  await written;
}
