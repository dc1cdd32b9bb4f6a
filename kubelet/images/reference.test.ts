import { describe, expect, it } from '@jest/globals';
import { ImageError } from '../runtime.ts';
import { formatReference, parseImageName, parseReference, repositoryName } from './reference.ts';

const HEX = 'a'.repeat(64);
const DIGEST = `sha256:${HEX}`;

const NORMALISED: [string, string][] = [
  ['alpine', 'docker.io/library/alpine:latest'],
  ['alpine:3', 'docker.io/library/alpine:3'],
  ['nginx:1.25-alpine', 'docker.io/library/nginx:1.25-alpine'],
  ['acme/web-api:12.0', 'docker.io/acme/web-api:12.0'],
  ['docker.io/alpine', 'docker.io/library/alpine:latest'],
  ['index.docker.io/alpine', 'docker.io/library/alpine:latest'],
  ['index.docker.io/a/b', 'docker.io/a/b:latest'],
  ['gcr.io/x/y:1.1', 'gcr.io/x/y:1.1'],
  ['localhost/x', 'localhost/x:latest'],
  ['localhost:5000/x', 'localhost:5000/x:latest'],
  ['host:5000/a/b:tag', 'host:5000/a/b:tag'],
  [`host:5000/a/b:tag@${DIGEST}`, `host:5000/a/b:tag@${DIGEST}`],
  [`alpine@${DIGEST}`, `docker.io/library/alpine@${DIGEST}`],
  ['gnsPetsRegistry.azurecr.io/pets-web:v1', 'gnsPetsRegistry.azurecr.io/pets-web:v1'],
  ['Upper/name', 'Upper/name:latest'],
  ['[::1]:5000/x', '[::1]:5000/x:latest'],
  ['host:5000', 'docker.io/library/host:5000'],
  ['a__b/c---d/e.f_g', 'docker.io/a__b/c---d/e.f_g:latest'],
  ['nocher.local/hello:1', 'nocher.local/hello:1'],
  [`${HEX}:tag`, `docker.io/library/${HEX}:tag`],
];

const REFUSED: [string, string][] = [
  ['', 'invalid reference format'],
  [' nginx', 'invalid reference format'],
  ['nginx ', 'invalid reference format'],
  ['nginx:', 'invalid reference format'],
  [':latest', 'invalid reference format'],
  ['a//b', 'invalid reference format'],
  ['a/../b', 'invalid reference format'],
  ['/a', 'invalid reference format'],
  ['a/', 'invalid reference format'],
  ['a:b:c', 'invalid reference format'],
  ['a_-b', 'invalid reference format'],
  ['a___b', 'invalid reference format'],
  ['-a', 'invalid reference format'],
  ['http://host/x', 'invalid reference format'],
  ['-host.com/x', 'invalid reference format'],
  ['host:port/x', 'invalid reference format'],
  [`a:${'t'.repeat(129)}`, 'invalid reference format'],
  ['a:-tag', 'invalid reference format'],
  [`a@${DIGEST}@${DIGEST}`, 'invalid reference format'],
  ['a@sha256:abc', 'invalid reference format'],
  [`a@sha256:${'a'.repeat(40)}`, 'invalid checksum digest length'],
  [`a@md5:${'a'.repeat(32)}`, 'unsupported digest algorithm'],
  ['nginx\n', 'invalid reference format'],
  ['nginx:1\n', 'invalid reference format'],
  ['Nginx', 'invalid reference format: repository name (library/Nginx) must be lowercase'],
  ['host.io/Foo:1', 'invalid reference format: repository name (Foo) must be lowercase'],
  ['a/B', 'invalid reference format: repository name (a/B) must be lowercase'],
  ['a'.repeat(256), 'repository name must not be more than 255 characters'],
  [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
];

describe('parseImageName()', () => {
  it.each(NORMALISED)('normalises %s to %s', (image, canonical) => {
    expect(formatReference(parseImageName(image))).toBe(canonical);
  });

  it.each(REFUSED)('refuses %j as upstream words it', (image, text) => {
    let thrown: unknown;
    try {
      parseImageName(image);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ImageError);
    expect((thrown as ImageError).reason).toBe('InvalidImageName');
    const quoted = JSON.stringify(image);
    const expected = `Failed to apply default image tag ${quoted}: couldn't parse image name ${quoted}: ${text}`;
    expect((thrown as ImageError).message).toBe(expected);
  });

  it('is stable: a canonical text parses to itself', () => {
    for (const [, canonical] of NORMALISED) expect(formatReference(parseImageName(canonical))).toBe(canonical);
  });

  it('comes to an end with long hostile names', () => {
    for (const piece of ['-', 'a-', '_', '.', 'a.', ':']) {
      expect(() => parseImageName(piece.repeat(100_000) + '!')).toThrow();
      expect(() => parseImageName(`${piece.repeat(100_000)}./x`)).toThrow();
    }
  });
});

describe('parseReference()', () => {
  it('leaves tag and digest undefined when none is written', () => {
    expect(parseReference('a/b')).toEqual({ domain: 'docker.io', path: 'a/b', tag: undefined, digest: undefined });
    expect(repositoryName(parseReference('a/b:1'))).toBe('docker.io/a/b');
  });
});
