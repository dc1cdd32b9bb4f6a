/**
 * Image references as people write them (`alpine`, `host:5000/a/b:tag@sha256:…`), after the rules and texts of
 * github.com/distribution/reference v0.6 (`ParseNormalizedNamed`) and the kubelet's `applyDefaultImageTag`.
 */
import { ImageError } from '../runtime.ts';

export interface ImageReference {
  /** Registry as written, `docker.io` when none was: `registry.example.com:5000`. */
  domain: string;
  /** Repository below the registry: `library/alpine`. */
  path: string;
  tag: string | undefined;
  /** `sha256:…` */
  digest: string | undefined;
}

const DEFAULT_DOMAIN = 'docker.io';
const LEGACY_DEFAULT_DOMAIN = 'index.docker.io';
const OFFICIAL_PREFIX = 'library/';
const MAX_PATH_LENGTH = 255;

const DOMAIN_COMPONENT = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const DOMAIN = new RegExp(`^(?:${DOMAIN_COMPONENT}(?:\\.${DOMAIN_COMPONENT})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const DIGEST_HEX_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
]);

/**
 * Parses and normalises; the tag stays undefined when none was written. Throws an `Error` with upstream's text.
 */
export function parseReference(image: string): ImageReference {
  if (/^[a-f0-9]{64}$/.test(image)) {
    throw new Error(`invalid repository name (${image}), cannot specify 64-byte hexadecimal strings`);
  }
  const { domain, remainder } = splitDomain(image);
  const beforeColon = remainder.split(':', 1)[0] ?? '';
  if (beforeColon.toLowerCase() !== beforeColon) {
    throw new Error(`invalid reference format: repository name (${beforeColon}) must be lowercase`);
  }
  const { path, tag, digest } = splitRemainder(remainder);
  const wellFormed =
    isDomain(domain) &&
    path.split('/').every((component) => PATH_COMPONENT.test(component)) &&
    (tag === undefined || TAG.test(tag)) &&
    (digest === undefined || DIGEST.test(digest));
  if (!wellFormed) throw new Error('invalid reference format');
  if (path.length > MAX_PATH_LENGTH) throw new Error('repository name must not be more than 255 characters');
  if (digest !== undefined) checkDigest(digest);
  return { domain, path, tag, digest };
}

/**
 * As `parseReference`, with tag `latest` when neither tag nor digest was written. Throws `ImageError`
 * InvalidImageName.
 */
export function parseImageName(image: string): ImageReference {
  try {
    const reference = parseReference(image);
    if (reference.tag === undefined && reference.digest === undefined) return { ...reference, tag: 'latest' };
    return reference;
  } catch (error) {
    const cause = (error as Error).message;
    const quoted = JSON.stringify(image);
    const message = `Failed to apply default image tag ${quoted}: couldn't parse image name ${quoted}: ${cause}`;
    throw new ImageError('InvalidImageName', message, { cause: error });
  }
}

/** `docker.io/library/alpine`: registry and repository, without tag and digest. */
export function repositoryName(reference: ImageReference): string {
  return `${reference.domain}/${reference.path}`;
}

/** The canonical text: `docker.io/library/alpine:latest`, `host/a@sha256:…`. */
export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return repositoryName(reference) + tag + digest;
}

function splitDomain(image: string): { domain: string; remainder: string } {
  const slash = image.indexOf('/');
  if (slash < 0) return { domain: DEFAULT_DOMAIN, remainder: OFFICIAL_PREFIX + image };
  const first = image.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first;
  let domain = isHost ? first : DEFAULT_DOMAIN;
  let remainder = isHost ? image.slice(slash + 1) : image;
  if (domain === LEGACY_DEFAULT_DOMAIN) domain = DEFAULT_DOMAIN;
  if (domain === DEFAULT_DOMAIN && !remainder.includes('/')) remainder = OFFICIAL_PREFIX + remainder;
  return { domain, remainder };
}

function splitRemainder(remainder: string): { path: string; tag: string | undefined; digest: string | undefined } {
  const at = remainder.indexOf('@');
  const digest = at < 0 ? undefined : remainder.slice(at + 1);
  const named = at < 0 ? remainder : remainder.slice(0, at);
  const colon = named.indexOf(':');
  if (colon < 0) return { path: named, tag: undefined, digest };
  return { path: named.slice(0, colon), tag: named.slice(colon + 1), digest };
}

/** Checks the length first: the component pattern looks at each byte twice. */
function isDomain(domain: string): boolean {
  return domain.length <= 300 && DOMAIN.test(domain);
}

/** The texts of github.com/opencontainers/go-digest. */
function checkDigest(digest: string): void {
  const colon = digest.indexOf(':');
  const hex = digest.slice(colon + 1);
  const length = DIGEST_HEX_LENGTHS.get(digest.slice(0, colon));
  if (length === undefined) throw new Error('unsupported digest algorithm');
  if (hex.length !== length) throw new Error('invalid checksum digest length');
  if (!/^[a-f0-9]+$/.test(hex)) throw new Error('invalid checksum digest format');
}
