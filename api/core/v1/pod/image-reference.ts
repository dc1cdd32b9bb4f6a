/** The tag in an image's name, by Docker's grammar (`pkg/util/parsers`, `distribution/reference`). */

const MAX_NAME_LENGTH = 255;
const PATH = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const HOST_LABEL = '[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?';
const DOMAIN = new RegExp(`^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|\\[[a-fA-F0-9:]+\\])(?::\\d+)?$`);
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;

/**
 * The tag; `latest` when there is neither tag nor digest; `''` for a name with a digest only and for what is no name.
 */
export function imageTag(image: string): string {
  const [named, digest, ...rest] = image.split('@') as [string, string | undefined, ...string[]];
  if (rest.length > 0 || (digest !== undefined && !DIGEST.test(digest))) return '';
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const name = colon === -1 ? named : named.slice(0, colon);
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  if (!isRepositoryName(name) || (tag !== undefined && !TAG.test(tag))) return '';
  return tag ?? (digest === undefined ? 'latest' : '');
}

/** What the kubelet does with an image whose pull policy is not given. */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  return imageTag(image) === 'latest' ? 'Always' : 'IfNotPresent';
}

function isRepositoryName(name: string): boolean {
  if (name.length > MAX_NAME_LENGTH) return false;
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const hasDomain = /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first;
  if (!hasDomain) return PATH.test(name) && !/^[a-f0-9]{64}$/.test(name);
  return DOMAIN.test(first) && PATH.test(name.slice(slash + 1));
}
