/**
 * The folder a layer is unpacked into, seen as the root of a container's file system: names are resolved component by
 * component inside it, symbolic links included, so that nothing is ever written outside.
 *
 * **Assumption:** nobody else writes into the folder while the tree lives (it is ours, mode 0700, and not yet
 * published), so a path that was walked with lstat stays what it was.
 */
import * as fs from 'node:fs';
import { dirname } from 'node:path';

/** Owner, mode and time of an entry as the layer states them. */
export interface EntryAttributes {
  mode: number;
  uid: number;
  gid: number;
  mtimeSeconds: number;
}

/** Bounds on what one name may cost; real images stay far below. */
const MAX_COMPONENTS = 256;
const MAX_SYMLINK_HOPS = 16;
const MAX_DIRECTORIES_REPLACED = 100;

const IMPLIED_DIRECTORY: EntryAttributes = { mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0 };

export class LayerTree {
  readonly root: string;
  /** Owners are kept only when we may give files away. */
  readonly #keepOwner = process.geteuid?.() === 0;
  /** Real directories, with the attributes they get at the end (a read-only one must stay writable until then). */
  readonly #directories = new Map<string, EntryAttributes>();
  #directoriesReplaced = 0;

  constructor(root: string) {
    this.root = root;
    this.#directories.set(root, IMPLIED_DIRECTORY);
  }

  /**
   * The real path of an entry's name: its parents exist afterwards (missing ones are made), the last component is left
   * unresolved. Throws for names that climb (`..`); a leading `/` means the layer's root.
   */
  resolve(name: string): string {
    const components = splitName(name);
    const last = components.pop();
    if (last === undefined) return this.root;
    return `${this.#resolveDirectory(components, name)}/${last}`;
  }

  makeDirectory(path: string, attributes: EntryAttributes): void {
    if (!this.#directories.has(path)) {
      this.clear(path);
      fs.mkdirSync(path, { mode: 0o700 });
    }
    this.#directories.set(path, attributes);
  }

  /** Opens a new file for writing; what had this name is gone. `finishFile` closes it. */
  createFile(path: string): number {
    this.clear(path);
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;
    return fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  }

  /** The owner comes first: changing it takes setuid and setgid away. */
  finishFile(fd: number, attributes: EntryAttributes): void {
    if (this.#keepOwner) fs.fchownSync(fd, attributes.uid, attributes.gid);
    fs.fchmodSync(fd, attributes.mode);
    fs.futimesSync(fd, attributes.mtimeSeconds, attributes.mtimeSeconds);
  }

  /** The target is stored, never followed by us outside the tree. */
  makeSymlink(path: string, target: string, attributes: EntryAttributes): void {
    this.clear(path);
    fs.symlinkSync(target, path);
    if (this.#keepOwner) fs.lchownSync(path, attributes.uid, attributes.gid);
    fs.lutimesSync(path, attributes.mtimeSeconds, attributes.mtimeSeconds);
  }

  /** `targetName` is a name in this layer; a target that lies in a lower layer cannot be linked to. */
  makeHardLink(path: string, targetName: string): void {
    const target = this.resolve(targetName);
    const found = this.lstat(target);
    if (found === undefined) throw new Error(`hard link target ${JSON.stringify(targetName)} is not in the layer`);
    if (!found.isFile() && !found.isSymbolicLink()) {
      throw new Error(`hard link target ${JSON.stringify(targetName)} is not a file`);
    }
    if (target === path) return;
    this.clear(path);
    fs.linkSync(target, path);
  }

  lstat(path: string): fs.Stats | undefined {
    return fs.lstatSync(path, { throwIfNoEntry: false });
  }

  /** Removes what is there under this name, a whole folder too. */
  clear(path: string): void {
    if (path === this.root) throw new Error('the root of a layer must be a directory');
    const found = this.lstat(path);
    if (found === undefined) return;
    if (!found.isDirectory()) {
      fs.unlinkSync(path);
      return;
    }
    this.#directoriesReplaced += 1;
    if (this.#directoriesReplaced > MAX_DIRECTORIES_REPLACED) throw new Error('too many directories are replaced');
    fs.rmSync(path, { recursive: true });
    for (const directory of this.#directories.keys()) {
      if (directory === path || directory.startsWith(`${path}/`)) this.#directories.delete(directory);
    }
  }

  /** True while every component below the root, `path` included, is a real directory of this tree. */
  isDirectory(path: string): boolean {
    return this.#directories.has(path);
  }

  /** Gives directories their owner, mode and time, deepest first so that no write of ours touches a time again. */
  async finishDirectories(): Promise<void> {
    const deepestFirst = [...this.#directories].sort(([a], [b]) => b.length - a.length);
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants;
    for (const [path, { mode, uid, gid, mtimeSeconds }] of deepestFirst) {
      const handle = await fs.promises.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      try {
        if (this.#keepOwner) await handle.chown(uid, gid);
        await handle.chmod(mode);
        await handle.utimes(mtimeSeconds, mtimeSeconds);
      } finally {
        await handle.close();
      }
    }
  }

  /**
   * Walks to a directory as a container would see it: links are followed inside the tree, `/` and `..` stop at its
   * root.
   */
  #resolveDirectory(components: string[], name: string): string {
    const pending = [...components].reverse();
    let current = this.root;
    let hops = 0;
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (next === '..') {
        current = current === this.root ? current : dirname(current);
        continue;
      }
      const path = `${current}/${next}`;
      const target = this.#enter(path, name);
      if (target === undefined) {
        current = path;
        continue;
      }
      hops += 1;
      if (hops > MAX_SYMLINK_HOPS) throw new Error(`too many symbolic links in ${JSON.stringify(name)}`);
      if (target.startsWith('/')) current = this.root;
      pending.push(
        ...target
          .split('/')
          .filter((part) => part !== '' && part !== '.')
          .reverse(),
      );
      if (pending.length > MAX_COMPONENTS) throw new Error(`too many components in ${JSON.stringify(name)}`);
    }
    return current;
  }

  /** Makes sure that `path` is a directory, or gives the target of the link that stands there. */
  #enter(path: string, name: string): string | undefined {
    if (this.#directories.has(path)) return undefined;
    const found = this.lstat(path);
    if (found === undefined) {
      fs.mkdirSync(path, { mode: 0o700 });
      this.#directories.set(path, IMPLIED_DIRECTORY);
      return undefined;
    }
    if (found.isSymbolicLink()) return fs.readlinkSync(path);
    throw new Error(`a parent of ${JSON.stringify(name)} is not a directory`);
  }
}

/** The components of an entry's name. Refuses what could only be meant to climb out. */
export function splitName(name: string): string[] {
  if (name.includes('\0')) throw new Error('an entry has a name with a NUL byte');
  const components = name.split('/').filter((part) => part !== '' && part !== '.');
  if (components.includes('..')) throw new Error(`entry ${JSON.stringify(name)} points outside the layer`);
  if (components.length > MAX_COMPONENTS) throw new Error(`entry ${JSON.stringify(name.slice(0, 200))} is too deep`);
  return components;
}
