/** Content digests: every byte that enters the image store is hashed on its way and compared with what was promised. */
import { createHash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';

/** `sha256:` and 64 hexadecimal digits, the only algorithm that the store accepts. */
export type Sha256Digest = `sha256:${string}`;

export function isSha256Digest(value: unknown): value is Sha256Digest {
  return typeof value === 'string' && /^sha256:[a-f0-9]{64}$/.test(value);
}

export function sha256(bytes: Uint8Array | string): Sha256Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The 64 digits: a safe file name. Throws on anything that is not a sha256 digest. */
export function digestHex(digest: string): string {
  if (!isSha256Digest(digest)) throw new Error(`unsupported digest ${JSON.stringify(digest.slice(0, 100))}`);
  return digest.slice('sha256:'.length);
}

export interface ContentCheck {
  /** What the error calls it: `layer-sha256:…`. */
  name: string;
  digest: Sha256Digest | undefined;
  /** The exact size, when it was promised. */
  sizeBytes: number | undefined;
  /** More bytes than this end the stream with an error. */
  maxBytes: number;
}

/**
 * Passes bytes through, counts and hashes them; fails at the end, or as soon as too many came, when they are not the
 * promised ones.
 */
export class ContentVerifier extends Transform {
  readonly #check: ContentCheck;
  readonly #hash = createHash('sha256');
  #received = 0;

  constructor(check: ContentCheck) {
    super();
    this.#check = check;
  }

  get receivedBytes(): number {
    return this.#received;
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#received += chunk.byteLength;
    const { name, maxBytes, sizeBytes } = this.#check;
    if (sizeBytes !== undefined && this.#received > sizeBytes) {
      done(new Error(`failed commit on ref "${name}": more than the promised ${sizeBytes} bytes: failed precondition`));
      return;
    }
    if (this.#received > maxBytes) {
      done(new Error(`"${name}" is larger than the limit of ${maxBytes} bytes`));
      return;
    }
    this.#hash.update(chunk);
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    const { name, digest, sizeBytes } = this.#check;
    if (sizeBytes !== undefined && this.#received !== sizeBytes) {
      const size = `unexpected commit size ${this.#received}, expected ${sizeBytes}`;
      done(new Error(`failed commit on ref "${name}": ${size}: failed precondition`));
      return;
    }
    const actual = `sha256:${this.#hash.digest('hex')}`;
    if (digest !== undefined && actual !== digest) {
      const text = `unexpected commit digest ${actual}, expected ${digest}`;
      done(new Error(`failed commit on ref "${name}": ${text}: failed precondition`));
      return;
    }
    done();
  }
}
