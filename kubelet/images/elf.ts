/**
 * Which shared libraries a program of this host needs, read from its ELF headers (ELF-64, little endian: x64 and
 * arm64). `ldd` tells the same, but runs every program's loader: 10 ms for each, against 1 ms here.
 */
import * as fs from 'node:fs';

const TRIPLETS: Partial<Record<NodeJS.Architecture, string>> = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

interface Segment {
  type: number;
  offset: number;
  address: number;
  sizeBytes: number;
}

/**
 * Paths of the libraries of `programs`, and of theirs, as the loader finds them, the loader included; sorted. Scripts
 * and static programs have none. A library that is not in a standard folder is left out.
 */
export function sharedLibraries(programs: string[]): string[] {
  const folders = libraryFolders();
  const found = new Map<string, string>();
  const interpreters = new Set<string>();
  const pending = [...programs];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const { needed, interpreter } = readElf(fs.readFileSync(path));
    if (interpreter !== undefined) interpreters.add(interpreter);
    for (const name of needed) {
      if (found.has(name)) continue;
      const library = folders.map((folder) => `${folder}/${name}`).find((candidate) => fs.existsSync(candidate));
      if (library === undefined) continue;
      found.set(name, library);
      pending.push(library);
    }
  }
  // The C library also names the loader, by its plain name: once is enough.
  const loaders = new Set([...interpreters].map((path) => path.slice(path.lastIndexOf('/') + 1)));
  const libraries = [...found].filter(([name]) => !loaders.has(name)).map(([, path]) => path);
  return [...libraries, ...interpreters].sort();
}

function libraryFolders(): string[] {
  const triplet = TRIPLETS[process.arch];
  const own = triplet === undefined ? [] : [`/lib/${triplet}`, `/usr/lib/${triplet}`];
  return [...own, '/lib64', '/usr/lib64', '/lib', '/usr/lib'];
}

function readElf(bytes: Buffer): { needed: string[]; interpreter: string | undefined } {
  const isElf64 = bytes.length >= 64 && bytes.readUInt32BE(0) === 0x7f454c46 && bytes[4] === 2 && bytes[5] === 1;
  if (!isElf64) return { needed: [], interpreter: undefined };
  const segments = readSegments(bytes);
  const interp = segments.find(({ type }) => type === PT_INTERP);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  return {
    interpreter: interp && text(bytes, interp.offset),
    needed: dynamic === undefined ? [] : readNeeded(bytes, dynamic, segments),
  };
}

function readSegments(bytes: Buffer): Segment[] {
  const start = Number(bytes.readBigUInt64LE(32));
  const entrySize = bytes.readUInt16LE(54);
  return Array.from({ length: bytes.readUInt16LE(56) }, (_, i) => {
    const at = start + i * entrySize;
    return {
      type: bytes.readUInt32LE(at),
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      address: Number(bytes.readBigUInt64LE(at + 16)),
      sizeBytes: Number(bytes.readBigUInt64LE(at + 32)),
    };
  });
}

function readNeeded(bytes: Buffer, dynamic: Segment, segments: Segment[]): string[] {
  const names: number[] = [];
  let tableAddress = 0;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.sizeBytes; at += 16) {
    const tag = Number(bytes.readBigInt64LE(at));
    const value = Number(bytes.readBigUInt64LE(at + 8));
    if (tag === DT_NEEDED) names.push(value);
    if (tag === DT_STRTAB) tableAddress = value;
  }
  const isInside = ({ type, address, sizeBytes }: Segment): boolean =>
    type === PT_LOAD && tableAddress >= address && tableAddress < address + sizeBytes;
  const segment = segments.find(isInside);
  if (segment === undefined) return [];
  const table = tableAddress - segment.address + segment.offset;
  return names.map((name) => text(bytes, table + name));
}

function text(bytes: Buffer, start: number): string {
  return bytes.toString('utf8', start, bytes.indexOf(0, start));
}
