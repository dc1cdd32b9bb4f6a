/**
 * A client of the OCI distribution protocol, for pulling: manifests and blobs from mirrors and from the registry
 * itself, token, basic or anonymous. Error texts follow containerd `core/remotes/docker` (resolver.go, fetcher.go).
 */
import type { IncomingMessage } from 'node:http';
import { sleep, type Clock } from '../../base/clock.ts';
import type { PullAuth } from '../runtime.ts';
import { sha256, type Sha256Digest } from './digest.ts';
import { MAX_DOCUMENT_BYTES, mediaTypes, type Descriptor } from './manifest.ts';
import type { ImageReference } from './reference.ts';
import { AuthorizationError, Authorizer, readBounded, statusText } from './registry-auth.ts';
import { bodyOf, createHttpTransport, isLoopback, printable } from './registry-http.ts';
import type { HttpTransport, ProxyConfig } from './registry-http.ts';

export interface RegistryMirror {
  /** `docker.io`, or `*` for every registry. */
  registry: string;
  /** `http://mirror.local:5000`; a path is put before `/v2`. Spoken to as its scheme says. */
  url: string;
}

export interface RegistryConfig {
  /** Tried in order, before the registry itself. */
  mirrors?: RegistryMirror[];
  /** `host:port` reached without verified certificates, or by plain http. Loopback always is. */
  insecureRegistries?: string[];
  proxy?: ProxyConfig;
  /** PEM, instead of those that Node brings; these, when there are none. Read when a registry is first spoken to. */
  certificateAuthorities?: () => readonly string[];
  clock: Clock;
}

export class NotFoundError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NotFoundError';
  }
}

/** No answer at all. */
class TransportError extends Error {}

/** One place that serves a repository. */
interface Endpoint {
  /** `https://registry-1.docker.io/v2/library/nginx` */
  base: string;
  /** Query that mirrors are asked with, as containerd does. */
  query: string;
  insecure: boolean;
  /** The registry before this one, without TLS: asked only when that gave no answer. */
  isPlainFallback: boolean;
  authorizer: Authorizer;
}

const MANIFEST_TYPES = [mediaTypes.ociIndex, mediaTypes.dockerList, mediaTypes.ociManifest, mediaTypes.dockerManifest];
const MAX_REDIRECTS = 5;
const MAX_BLOB_FAILURES = 5;
const RETRY_MS = 100;
const MAX_ERROR_BYTES = 64 * 1024;
const NOTHING: readonly string[] = [];

export class RegistryClient {
  readonly #config: RegistryConfig;
  readonly #transport: HttpTransport;

  constructor(config: RegistryConfig) {
    this.#config = config;
    const { clock, proxy, certificateAuthorities } = config;
    this.#transport = createHttpTransport({
      clock,
      ...(proxy === undefined ? {} : { proxy }),
      ...(certificateAuthorities === undefined ? {} : { certificateAuthorities }),
    });
  }

  /** The repository of a reference, with the credentials of one pull. */
  repository(reference: ImageReference, auth: PullAuth | undefined): Repository {
    return new Repository(this.#endpoints(reference, auth), this.#transport, this.#config.clock);
  }

  #endpoints(reference: ImageReference, auth: PullAuth | undefined): Endpoint[] {
    const { domain, path } = reference;
    const endpoint = (origin: string, insecure: boolean, own: boolean): Endpoint => ({
      base: `${origin}/v2/${path}`,
      query: own ? '' : `?ns=${encodeURIComponent(domain)}`,
      insecure,
      isPlainFallback: false,
      // Credentials are for the registry and not for whoever mirrors it.
      authorizer: new Authorizer({
        transport: this.#transport,
        clock: this.#config.clock,
        auth: own ? auth : undefined,
        scope: `repository:${path}:pull`,
        insecure,
      }),
    });
    const isInsecureUrl = (url: string): boolean => url.startsWith('http:') || this.#isInsecure(new URL(url).host);
    const mirrors = (this.#config.mirrors ?? [])
      .filter(({ registry }) => registry === '*' || registry.toLowerCase() === domain.toLowerCase())
      .map(({ url }) => endpoint(url.replace(/\/+$/, ''), isInsecureUrl(url), false));
    const host = domain === 'docker.io' ? 'registry-1.docker.io' : domain;
    const own = [endpoint(`https://${host}`, this.#isInsecure(host), true)];
    if (this.#isInsecure(host)) own.push({ ...endpoint(`http://${host}`, true, true), isPlainFallback: true });
    return [...mirrors, ...own];
  }

  #isInsecure(host: string): boolean {
    const { hostname } = new URL(`http://${host}`);
    const listed = this.#config.insecureRegistries ?? NOTHING;
    return isLoopback(hostname.replace(/^\[|\]$/g, '')) || listed.includes(host) || listed.includes(hostname);
  }
}

export class Repository {
  readonly #endpoints: Endpoint[];
  readonly #transport: HttpTransport;
  readonly #clock: Clock;

  constructor(endpoints: Endpoint[], transport: HttpTransport, clock: Clock) {
    this.#endpoints = endpoints;
    this.#transport = transport;
    this.#clock = clock;
  }

  /**
   * The manifest or index under a tag or digest. Throws `NotFoundError`, `AuthorizationError`, or an `Error` that
   * says what the first place answered that failed otherwise.
   */
  async manifest(identifier: string, signal: AbortSignal): Promise<{ bytes: Uint8Array; digest: Sha256Digest }> {
    const headers = { accept: MANIFEST_TYPES.join(', ') };
    const response = await this.#fromAny(`manifests/${identifier}`, headers, signal);
    const bytes = await readBounded(bodyOf(response, this.#clock), MAX_DOCUMENT_BYTES);
    const digest = sha256(bytes);
    if (identifier.includes(':') && digest !== identifier) {
      const text = `unexpected commit digest ${digest}, expected ${identifier}`;
      throw new Error(`failed commit on ref "manifest-${identifier}": ${text}: failed precondition`);
    }
    return { bytes, digest };
  }

  /** A small blob as a whole, verified. */
  async document({ digest, sizeBytes }: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
    const name = `config-${digest}`;
    if (sizeBytes > MAX_DOCUMENT_BYTES) throw new Error(`"${name}" is larger than ${MAX_DOCUMENT_BYTES} bytes`);
    const response = await this.#fromAny(`blobs/${digest}`, {}, signal);
    const bytes = await readBounded(bodyOf(response, this.#clock), MAX_DOCUMENT_BYTES);
    const actual = sha256(bytes);
    if (actual === digest) return bytes;
    throw new Error(
      `failed commit on ref "${name}": unexpected commit digest ${actual}, expected ${digest}: failed precondition`,
    );
  }

  /**
   * The bytes of a blob, not verified. A broken or stalled transfer goes on where it stopped (Range); it gives up after
   * several failures without a byte in between.
   */
  async *blob({ digest, sizeBytes }: Descriptor, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let offset = 0;
    let failures = 0;
    while (offset < sizeBytes || offset === 0) {
      try {
        for await (const chunk of this.#blobFrom(digest, offset, signal)) {
          offset += chunk.byteLength;
          failures = 0;
          yield chunk;
        }
        if (offset >= sizeBytes) return;
        throw new Error('unexpected EOF');
      } catch (error) {
        signal.throwIfAborted();
        failures += 1;
        const isFinal = error instanceof NotFoundError || error instanceof AuthorizationError;
        if (isFinal || failures >= MAX_BLOB_FAILURES) throw error;
        await sleep(this.#clock, RETRY_MS * 2 ** failures, signal);
      }
    }
  }

  async *#blobFrom(digest: Sha256Digest, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const headers: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
    const response = await this.#fromAny(`blobs/${digest}`, headers, signal);
    // A server without ranges sends everything again.
    let skip = response.statusCode === 206 ? 0 : offset;
    for await (const chunk of bodyOf(response, this.#clock)) {
      const rest = chunk.subarray(skip);
      skip = Math.max(0, skip - chunk.byteLength);
      if (rest.byteLength > 0) yield rest;
    }
  }

  async #fromAny(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> {
    let first: unknown;
    let last: unknown;
    for (const endpoint of this.#endpoints) {
      if (endpoint.isPlainFallback && !(last instanceof TransportError)) continue;
      try {
        return await this.#get(endpoint, { path, headers }, signal);
      } catch (error) {
        signal.throwIfAborted();
        last = error;
        // As containerd: the first answer that is not "not found" explains most; of two schemes of one host the later.
        if (first === undefined || first instanceof NotFoundError || endpoint.isPlainFallback) first = error;
      }
    }
    throw first;
  }

  async #get(
    endpoint: Endpoint,
    { path, headers }: { path: string; headers: Record<string, string> },
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const url = new URL(`${endpoint.base}/${path}${endpoint.query}`);
    let authorization = endpoint.authorizer.header;
    for (let attempt = 0; ; attempt++) {
      const sent = { ...headers, ...(authorization === undefined ? {} : { authorization }) };
      const response = await this.#follow(url, { headers: sent, insecure: endpoint.insecure }, signal);
      const status = response.statusCode ?? 0;
      if (status >= 200 && status <= 299) return response;
      if (status !== 401 || attempt === 2) await this.#refuse(response, url);
      await readBounded(bodyOf(response, this.#clock), MAX_ERROR_BYTES).catch(() => undefined);
      authorization = await endpoint.authorizer.answer(response, authorization, signal);
    }
  }

  /** Throws what a refusal means. */
  async #refuse(response: IncomingMessage, url: URL): Promise<never> {
    const status = response.statusCode ?? 0;
    const body = await readBounded(bodyOf(response, this.#clock), MAX_ERROR_BYTES).catch(() => Buffer.alloc(0));
    if (status === 404) throw new NotFoundError(`content at ${printable(url)} not found: not found`);
    const text = `unexpected status from GET request to ${printable(url)}: ${statusText(response)}`;
    if (status === 401) throw new AuthorizationError('authorization failed');
    const detail = registryErrors(body);
    throw new Error(detail === '' ? text : `${text}: ${detail}`);
  }

  /** Follows redirects; what authorizes us at one host is not told to another. */
  async #follow(
    start: URL,
    options: { headers: Record<string, string>; insecure: boolean },
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    let url = start;
    let headers = options.headers;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await this.#request(url, { headers, insecure: options.insecure }, signal);
      const { location } = response.headers;
      if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) return response;
      response.destroy();
      if (!URL.canParse(location, url.href)) throw new Error(`invalid redirect from ${printable(url)}`);
      const next = new URL(location, url);
      const isAllowed = next.protocol === 'https:' || (next.protocol === 'http:' && options.insecure);
      if (!isAllowed) throw new Error(`redirect from ${printable(url)} to ${next.protocol}//${next.host} is not https`);
      if (next.origin !== url.origin) headers = withoutAuthorization(headers);
      url = next;
    }
    throw new Error(`stopped after ${MAX_REDIRECTS} redirects`);
  }

  async #request(
    url: URL,
    options: { headers: Record<string, string>; insecure: boolean },
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    try {
      return await this.#transport.request({ url, ...options, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw new TransportError(`failed to do request: ${(error as Error).message}`, { cause: error });
    }
  }
}

function withoutAuthorization(headers: Record<string, string>): Record<string, string> {
  const { authorization: _dropped, ...rest } = headers;
  return rest;
}

/** `toomanyrequests: You have reached your pull rate limit`: the errors document of the protocol, bounded. */
function registryErrors(body: Buffer): string {
  try {
    const { errors } = JSON.parse(body.toString('utf8')) as { errors?: { code?: unknown; message?: unknown }[] };
    const [first] = errors ?? [];
    const text = `${String(first?.code ?? '').toLowerCase()}: ${String(first?.message ?? '')}`;
    return first === undefined ? '' : text.replace(/[^\x20-\x7e]/g, ' ').slice(0, 300);
  } catch {
    return '';
  }
}
