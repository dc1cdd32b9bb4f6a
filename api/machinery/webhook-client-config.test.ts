import { describe, expect, it } from '@jest/globals';
import { fieldPath } from './field-error.ts';
import { validateCaBundle, validateWebhookService, validateWebhookUrl } from './webhook-client-config.ts';

const path = fieldPath('c');
const messages = (errors: { field: string; message: string }[]): string[] =>
  errors.map(({ field, message }) => `${field}: ${message}`);

describe('validateWebhookUrl()', () => {
  const FORM = '; desired format: https://host[/path]';

  it.each([
    ['https://example.com', []],
    ['https://127.0.0.1:8443/a/b', []],
    ['https://[::1]:8443/a', []],
    ['http://example.com', [`c: Invalid value: "http": 'https' is the only allowed URL scheme${FORM}`]],
    [
      '',
      [
        `c: Invalid value: "": 'https' is the only allowed URL scheme${FORM}`,
        `c: Invalid value: "": host must be provided${FORM}`,
      ],
    ],
    [
      'https://u:p@h/?q#f',
      [
        'c: Invalid value: "u:p": user information is not permitted in the URL',
        'c: Invalid value: "f": fragments are not permitted in the URL',
        'c: Invalid value: "q": query parameters are not permitted in the URL',
      ],
    ],
    [
      'https://h:x/',
      [`c: Required value: url must be a valid URL: parse "https://h:x/": invalid port ":x" after host${FORM}`],
    ],
    [
      'https://h/%zz',
      [`c: Required value: url must be a valid URL: parse "https://h/%zz": invalid URL escape "%zz"${FORM}`],
    ],
    ['://h', [`c: Required value: url must be a valid URL: parse "://h": missing protocol scheme${FORM}`]],
    [
      'https://a b/',
      [`c: Required value: url must be a valid URL: parse "https://a b/": invalid character " " in host name${FORM}`],
    ],
  ])('%s', (url, expected) => {
    expect(messages(validateWebhookUrl(url, path))).toEqual(expected);
  });

  it('answers quickly whatever comes', () => {
    for (const part of ['/', ':', '@', '%', '?#', 'https://', '[']) {
      expect(Array.isArray(validateWebhookUrl(part.repeat(100_000), path))).toBe(true);
    }
  });
});

describe('validateWebhookService()', () => {
  const service = { name: 's', namespace: 'n', port: 443 };

  it.each([
    [{}, []],
    [{ path: '/' }, []],
    [{ path: '/a/b.c/' }, []],
    [
      { name: '', namespace: '' },
      [
        'c.name: Required value: service name is required',
        'c.namespace: Required value: service namespace is required',
      ],
    ],
    [{ port: 0 }, ['c.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive']],
    [{ path: '//' }, ['c.path: Invalid value: "//": segment[0] may not be empty']],
    [{ path: '/a//b' }, ['c.path: Invalid value: "/a//b": segment[1] may not be empty']],
  ])('%j', (change, expected) => {
    expect(messages(validateWebhookService({ ...service, ...change }, path))).toEqual(expected);
  });

  it('checks the segments of the path', () => {
    const errors = messages(validateWebhookService({ ...service, path: 'ab/A_' }, path));
    expect(errors[0]).toBe('c.path: Invalid value: "ab/A_": must start with a \'/\'');
    expect(errors[1]).toContain('segment[1]: a lowercase RFC 1123 subdomain must consist of');
  });
});

describe('validateCaBundle()', () => {
  const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBcDCCARegAwIBAgIUEkN9wNz6aF0g+nGdzdG8dKXr6i0wCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCY2EwIBcNMjYxMTIxMTczNDA5WhgPMjEyNjEwMjgxNzM0MDla
MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE02ywmXnT
oSY9buAbGq4qaHQmcGZh+e4EfvM4HYrw+9pJYEK7yDsr9OODyUuvSsEX2Jgb4InL
3+uBoSQE9M9ie6NTMFEwHQYDVR0OBBYEFBSoER9scal0C9DU9jXzia/mOD7EMB8G
A1UdIwQYMBaAFBSoER9scal0C9DU9jXzia/mOD7EMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDRwAwRAIgWy+tq1AgeP6bkhkQVj5fYr4r4exKF7++r5FmbZ+v
Y7ICIALZgCGYgG6bZhm94yUUa1Bd3uMkwizGvxWDtQxG1cuA
-----END CERTIFICATE-----
`;
  /** Cut off. */
  const BROKEN = CERTIFICATE.replace(/M(.*\n){4}/, 'MIIB\n');
  const encoded = (text: string): string => Buffer.from(text).toString('base64');

  it.each([
    ['\n', 'unable to parse bytes as PEM block'],
    ['-----BEGIN CERTIFICATE-----\n'.repeat(3), 'unable to parse bytes as PEM block'],
    ['-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n', 'no valid certificate authority data seen'],
    [BROKEN, 'failed to parse certificate: x509: malformed certificate'],
  ])('%j', (text, problem) => {
    expect(messages(validateCaBundle(encoded(text), path))).toEqual([
      `c: Invalid value: "${encoded(text)}": unable to load root certificates: ${problem}`,
    ]);
  });

  it('passes when one certificate can be read', () => {
    for (const text of [CERTIFICATE, `# a comment\n${BROKEN}${CERTIFICATE}`]) {
      expect(validateCaBundle(encoded(text), path)).toEqual([]);
    }
  });

  it('answers quickly whatever comes', () => {
    for (const text of [`-----BEGIN A-----${'\n'.repeat(300_000)}`, '-----BEGIN A-----'.repeat(20_000)]) {
      expect(validateCaBundle(encoded(text), path)).toHaveLength(1);
    }
  });
});
