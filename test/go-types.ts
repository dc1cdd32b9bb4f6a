/**
 * Reads from a Go program what its API types look like: the compiler leaves the fields of every struct that is reached
 * by reflection, with their types and tags (Go's `internal/abi/type.go`, `reflect`). For amd64, not position-independent.
 */
import { readFileSync } from 'node:fs';

export interface GoField {
  /** Go's name. */
  name: string;
  /** The `json` tag: name and options. */
  json: readonly string[];
  kind: 'pointer' | 'struct' | 'container' | 'scalar';
  /** As Go prints it: `v1.PodSpec`. */
  type: string;
  embedded: boolean;
}

/** Package path and name (`k8s.io/api/core/v1.PodSpec`) to the fields. */
export function readGoTypes(file: string): Map<string, GoField[]> {
  const program = new GoProgram(readFileSync(file));
  const types = new Map<string, GoField[]>();
  for (const pointer of program.typeLinks()) {
    if (program.kindOf(pointer) !== POINTER) continue;
    const type = program.word(pointer + HEADER);
    if (program.kindOf(type) !== STRUCT || !program.isNamed(type)) continue;
    const name = program.typeName(type);
    types.set(`${program.packageOf(type)}.${name.slice(name.lastIndexOf('.') + 1)}`, program.fieldsOf(type));
  }
  return types;
}

/** Bytes of a type's header, and of a struct's; flags and kinds of `internal/abi`. */
const HEADER = 48;
const STRUCT_SIZE = HEADER + 32;
const FIELD_SIZE = 24;
const FLAG_UNCOMMON = 1;
const FLAG_EXTRA_STAR = 2;
const [ARRAY, MAP, POINTER, SLICE, STRUCT] = [17, 21, 22, 23, 25];

interface Section {
  address: number;
  offset: number;
  size: number;
}

class GoProgram {
  readonly #bytes: Buffer;
  readonly #sections = new Map<string, Section>();

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    const at = Number(bytes.readBigUInt64LE(0x28));
    const headers = Array.from({ length: bytes.readUInt16LE(0x3c) }, (_, i) => at + i * 64);
    const names = Number(bytes.readBigUInt64LE(headers[bytes.readUInt16LE(0x3e)]! + 24));
    for (const header of headers) {
      const start = names + bytes.readUInt32LE(header);
      const name = bytes.toString('latin1', start, bytes.indexOf(0, start));
      const [address, offset, size] = [16, 24, 32].map((field) => Number(bytes.readBigUInt64LE(header + field)));
      if (address !== 0) this.#sections.set(name, { address: address!, offset: offset!, size: size! });
    }
  }

  *typeLinks(): Generator<number> {
    const { offset, size } = this.#sections.get('.typelink')!;
    for (let at = offset; at < offset + size; at += 4) yield this.#base + this.#bytes.readInt32LE(at);
  }

  get #base(): number {
    return this.#sections.get('.rodata')!.address;
  }

  #offsetOf(address: number): number {
    for (const section of this.#sections.values()) {
      if (address >= section.address && address < section.address + section.size)
        return address - section.address + section.offset;
    }
    throw new Error(`no section at ${address}`);
  }

  word(address: number): number {
    return Number(this.#bytes.readBigUInt64LE(this.#offsetOf(address)));
  }

  kindOf(type: number): number {
    return this.#bytes[this.#offsetOf(type + 23)]! & 31;
  }

  isNamed(type: number): boolean {
    return (this.#bytes[this.#offsetOf(type + 20)]! & FLAG_UNCOMMON) !== 0;
  }

  typeName(type: number): string {
    const { name } = this.#nameAt(this.#base + this.#bytes.readInt32LE(this.#offsetOf(type + 40)));
    return (this.#bytes[this.#offsetOf(type + 20)]! & FLAG_EXTRA_STAR) === 0 ? name : name.slice(1);
  }

  packageOf(struct: number): string {
    return this.#nameAt(this.#base + this.#bytes.readInt32LE(this.#offsetOf(struct + STRUCT_SIZE))).name;
  }

  fieldsOf(struct: number): GoField[] {
    const first = this.word(struct + HEADER + 8);
    return Array.from({ length: this.word(struct + HEADER + 16) }, (_, i) => this.#field(first + i * FIELD_SIZE));
  }

  #field(address: number): GoField {
    const { name, tag, embedded } = this.#nameAt(this.word(address));
    const type = this.word(address + 8);
    const json = (/json:"([^"]*)"/.exec(tag)?.[1] ?? '').split(',');
    return { name, json, kind: fieldKind(this.kindOf(type)), type: this.typeName(type), embedded };
  }

  #nameAt(address: number): { name: string; tag: string; embedded: boolean } {
    let at = this.#offsetOf(address);
    const flags = this.#bytes[at++]!;
    const text = (): string => {
      let length = 0;
      for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7) {
        byte = this.#bytes[at++]!;
        length |= (byte & 0x7f) << shift;
      }
      at += length;
      return this.#bytes.toString('utf8', at - length, at);
    };
    return { name: text(), tag: (flags & 2) === 0 ? '' : text(), embedded: (flags & 8) !== 0 };
  }
}

function fieldKind(kind: number): GoField['kind'] {
  if (kind === POINTER) return 'pointer';
  if (kind === STRUCT) return 'struct';
  return kind === ARRAY || kind === MAP || kind === SLICE ? 'container' : 'scalar';
}
