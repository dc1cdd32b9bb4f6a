import { describe, expect, it } from '@jest/globals';
import { bootstrapGroups, expiresAtMs, parseBootstrapToken, usableToken } from './bootstrap-token.ts';
import type { Secret } from './secret.ts';

const NOW = Date.UTC(2026, 0, 1);
const GOOD = {
  'token-id': 'abc123',
  'token-secret': '0123456789abcdef',
  'usage-bootstrap-authentication': 'true',
  'usage-bootstrap-signing': 'true',
};

function secret(data: Record<string, string>, changes: { type?: string; metadata?: object } = {}): Secret {
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')] as const);
  const metadata = { name: 'bootstrap-token-abc123', namespace: 'kube-system', ...changes.metadata };
  return { type: 'bootstrap.kubernetes.io/token', ...changes, metadata, data: Object.fromEntries(encoded) } as Secret;
}

describe('parseBootstrapToken()', () => {
  it('takes a token apart', () => {
    expect(parseBootstrapToken('abc123.0123456789abcdef')).toEqual({ id: 'abc123', secret: '0123456789abcdef' });
  });

  it.each(['', 'abc123', 'abc123.', 'ABC123.0123456789abcdef', 'abc12.0123456789abcdef', 'abc123.0123456789abcdef\n'])(
    'knows that %j is none',
    (text) => expect(parseBootstrapToken(text)).toBeUndefined(),
  );
});

describe('usableToken()', () => {
  it('gives the token', () => {
    expect(usableToken(secret(GOOD), 'signing', NOW)).toEqual({ id: 'abc123', secret: '0123456789abcdef' });
    const timed = secret({ ...GOOD, expiration: '2026-01-01T00:00:01Z' });
    expect(usableToken(timed, 'authentication', NOW)?.id).toBe('abc123');
  });

  it.each<[string, Secret]>([
    ['of another type', secret(GOOD, { type: 'Opaque' })],
    ['elsewhere', secret(GOOD, { metadata: { namespace: 'default' } })],
    ['of another name', secret(GOOD, { metadata: { name: 'bootstrap-token-abc124' } })],
    ['with a longer name', secret(GOOD, { metadata: { name: 'bootstrap-token-abc123x' } })],
    ['being deleted', secret(GOOD, { metadata: { deletionTimestamp: '2025-01-01T00:00:00Z' } })],
    ['without an id', secret({ ...GOOD, 'token-id': '' })],
    ['without a value', secret({ ...GOOD, 'token-secret': '' })],
    ['whose time is over', secret({ ...GOOD, expiration: '2026-01-01T00:00:00Z' })],
    ['whose time is over elsewhere', secret({ ...GOOD, expiration: '2026-01-01T01:00:00+01:00' })],
    ['with no time', secret({ ...GOOD, expiration: 'tomorrow' })],
    ['for something else', secret({ ...GOOD, 'usage-bootstrap-signing': 'yes' })],
    ['for nothing', secret({ 'token-id': GOOD['token-id'], 'token-secret': GOOD['token-secret'] })],
    ['with no data', { ...secret({}), data: undefined } as unknown as Secret],
  ])('gives none %s', (_, given) => expect(usableToken(given, 'signing', NOW)).toBeUndefined());
});

describe('expiresAtMs()', () => {
  it.each([
    [undefined, Infinity],
    ['2026-01-01T00:00:00Z', NOW],
    ['2026-01-01T02:00:00.5+02:00', NOW + 500],
    ['2026-02-30T00:00:00Z', -Infinity],
    ['2026-01-01', -Infinity],
    ['1767225600', -Infinity],
  ])('of %j is %d', (expiration, expected) => {
    expect(expiresAtMs(secret(expiration === undefined ? {} : { expiration }))).toBe(expected);
  });
});

describe('bootstrapGroups()', () => {
  it.each<[string, string[] | undefined]>([
    ['', ['system:bootstrappers']],
    [
      'system:bootstrappers:b,system:bootstrappers:a,system:bootstrappers:b',
      ['system:bootstrappers', 'system:bootstrappers:a', 'system:bootstrappers:b'],
    ],
    ['system:masters', undefined],
    ['system:bootstrappers:a,system:masters', undefined],
    ['system:bootstrappers:', undefined],
    ['system:bootstrappers:A', undefined],
    ['system:bootstrappers:a, system:bootstrappers:b', undefined],
    ['system:bootstrappers:a\n', undefined],
  ])('of %j are %j', (groups, expected) => {
    expect(bootstrapGroups(secret({ 'auth-extra-groups': groups }))).toEqual(expected);
  });
});
