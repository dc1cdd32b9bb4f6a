/**
 * Which images the kubelet pulled, and with whose credentials, over a restart (upstream
 * `pkg/kubelet/images/pullmanager`, with its policy `NeverVerifyPreloadedImages`). One file an image in `pulled/`, by
 * its id; one in `pulling/` from before a pull until after its record, so that a crash between them leaves no image
 * that seems to have been on the node before.
 *
 * **Invariant:** an image that was pulled with credentials is for pods that have them, until it was pulled without.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { matchingCredential, mergeAccess, withMatched } from './pull-access.ts';
import type { PullAccess, PullCredential } from './pull-access.ts';
import { formatReference, parseImageName, repositoryName } from './reference.ts';

/** By repository: who may pull an image from one may not from another. */
type PullRecord = Readonly<Record<string, PullAccess>>;

export class PullRecords {
  readonly #folder: string | undefined;
  readonly #pulled = new Map<string, PullRecord>();
  /** Pulls under way, by canonical name of the image. */
  readonly #pulling = new Map<string, number>();
  /** Names of images whose pull an earlier kubelet began. */
  readonly #interrupted = new Set<string>();

  /** Without a folder nothing outlives the kubelet. */
  constructor(folder?: string) {
    this.#folder = folder;
    if (folder === undefined) return;
    for (const kind of ['pulled', 'pulling']) mkdirSync(join(folder, kind), { recursive: true, mode: 0o700 });
    for (const name of namesIn(join(folder, 'pulled')))
      this.#pulled.set(decodeURIComponent(name), readRecord(join(folder, 'pulled', name)));
    for (const name of namesIn(join(folder, 'pulling')))
      this.#interrupted.add(readFileSync(join(folder, 'pulling', name), 'utf8'));
  }

  /** Before the pull. Throws when that cannot be written down: the pull must not begin. */
  started(image: string): void {
    const name = canonical(image);
    this.#write('pulling', fileOf(name), name);
    this.#pulling.set(name, (this.#pulling.get(name) ?? 0) + 1);
  }

  /** After a pull that succeeded, with the id that the image has on the node. */
  succeeded(image: string, id: string, access: PullAccess): void {
    const repository = repositoryOf(image);
    const record = this.#pulled.get(id);
    const isWritten = this.#record(id, { ...record, [repository]: mergeAccess(record?.[repository], access) });
    // What is in `pulling/` goes on to say that this image was pulled.
    if (!isWritten) return;
    this.#interrupted.delete(canonical(image));
    this.failed(image);
  }

  /** After a pull that did not succeed. */
  failed(image: string): void {
    const name = canonical(image);
    const left = (this.#pulling.get(name) ?? 1) - 1;
    if (left > 0) {
      this.#pulling.set(name, left);
      return;
    }
    this.#pulling.delete(name);
    const isOver = !this.#interrupted.has(name) && this.#folder !== undefined;
    if (isOver) rmSync(join(this.#folder!, 'pulling', fileOf(name)), { force: true });
  }

  /** Whether a pod with these credentials may use an image that is on the node, and so nobody has to be asked. */
  mayUse(image: string, id: string, own: readonly PullCredential[]): boolean {
    const record = this.#pulled.get(id);
    const name = canonical(image);
    if (record === undefined) return !this.#pulling.has(name) && !this.#interrupted.has(name);
    const repository = repositoryOf(image);
    const access = record[repository];
    if (access === undefined || access === 'every-pod') return access === 'every-pod';
    const matched = matchingCredential(access, own);
    if (matched === undefined) return false;
    const longer = withMatched(access, matched);
    if (longer !== access) this.#record(id, { ...record, [repository]: longer });
    return true;
  }

  /** Forgets images that are gone: one that comes back otherwise was not pulled. `list` gives the ids of all. */
  async prune(list: () => Promise<readonly string[]>): Promise<void> {
    if (this.#pulled.size === 0) return;
    const before = [...this.#pulled];
    const present = new Set(await list());
    for (const [id, record] of before) {
      // A record that is newer than the list is of an image that may be, too.
      if (present.has(id) || this.#pulled.get(id) !== record) continue;
      this.#pulled.delete(id);
      if (this.#folder !== undefined) rmSync(join(this.#folder, 'pulled', encodeURIComponent(id)), { force: true });
    }
  }

  /** False when it will not outlive the kubelet. */
  #record(id: string, record: PullRecord): boolean {
    this.#pulled.set(id, record);
    try {
      this.#write('pulled', encodeURIComponent(id), JSON.stringify(record));
      return true;
    } catch {
      return false;
    }
  }

  #write(kind: string, name: string, content: string): void {
    if (this.#folder === undefined) return;
    const path = join(this.#folder, kind, name);
    writeFileSync(`${path}${UNFINISHED}`, content, { mode: 0o600 });
    renameSync(`${path}${UNFINISHED}`, path);
  }
}

/** No name of a record ends so. */
const UNFINISHED = '~';

const namesIn = (folder: string): string[] => readdirSync(folder).filter((name) => !name.endsWith(UNFINISHED));

/** One that cannot be read says that the image was pulled, and gives nobody access. */
function readRecord(path: string): PullRecord {
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as unknown;
    return typeof record === 'object' && record !== null ? (record as PullRecord) : {};
  } catch {
    return {};
  }
}

const canonical = (image: string): string => formatReference(parseImageName(image));

const repositoryOf = (image: string): string => repositoryName(parseImageName(image));

/** Names are longer than those of files may be. */
const fileOf = (name: string): string => createHash('sha256').update(name).digest('hex');
