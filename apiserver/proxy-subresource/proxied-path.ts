/** Where the path of a request ends for the API server and begins for what is behind `…/proxy`. */
import type { RequestInfo } from '../request-info.ts';
import { requestInfoOf, trimSlashes } from '../request-info.ts';

export interface ProxiedPath {
  /** As far as `proxy`: what links of the answer are put behind. */
  prefix: string;
  /** From there on: `''`, or with a slash in front. */
  path: string;
}

/** What is no part of a path, or would end an attribute that it is written into. */
const NOT_IN_PATHS = /[^\x21-\x7e]|["'<>`\\]/gu;
const NO_QUERY = new URLSearchParams();

/**
 * Cuts the path of a request for a proxy subresource. What the client has encoded stays so (upstream decodes it); empty
 * segments and those that lead up or nowhere are gone (`path.Join`), a slash at the end is kept.
 */
export function proxiedPath(rawPath: string, { parts }: Pick<RequestInfo, 'parts'>): ProxiedPath {
  const segments = trimSlashes(rawPath).split('/');
  const end = segments.length - parts.length + 3;
  const prefix = `/${segments.slice(0, end).map(encoded).join('/')}`;
  const below = withoutDots(segments.slice(end)).map(encoded);
  const slash = rawPath.endsWith('/') ? '/' : '';
  return { prefix, path: below.length === 0 ? slash : `/${below.join('/')}${slash}` };
}

/** Whether a request is for a proxy subresource, as far as its path tells. */
export function isProxied(method: string, rawPath: string): boolean {
  if (!rawPath.includes('/proxy')) return false;
  try {
    const { apiGroup, apiVersion, subresource } = requestInfoOf(method, rawPath, NO_QUERY);
    return apiGroup === '' && apiVersion === 'v1' && subresource === 'proxy';
  } catch {
    return false;
  }
}

function withoutDots(segments: readonly string[]): string[] {
  const kept: string[] = [];
  for (const segment of segments) {
    const text = decodeURIComponent(segment);
    if (text === '..') kept.pop();
    else if (text !== '' && text !== '.') kept.push(segment);
  }
  return kept;
}

function encoded(segment: string): string {
  return segment.replace(NOT_IN_PATHS, (character) => {
    const code = character.charCodeAt(0);
    // A listener gives one character for each byte.
    const bytes = code <= 0xff ? [code] : [...Buffer.from(character)];
    return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  });
}
