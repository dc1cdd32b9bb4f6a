import { describe, expect, it } from '@jest/globals';
import type { Secret } from '../../api/core/v1/secret.ts';
import type { Listers } from '../../api/machinery/handler.ts';
import { ManualClock } from '../../client/manual-clock.ts';
import { bootstrapTokenAuthenticator } from './bootstrap-token.ts';
import type { TokenAuthenticator } from './bearer-token.ts';

const TOKEN = 'abc123.0123456789abcdef';
const GOOD = {
  'token-id': 'abc123',
  'token-secret': '0123456789abcdef',
  'usage-bootstrap-authentication': 'true',
  'auth-extra-groups': 'system:bootstrappers:workers',
};

function authenticator(data: Record<string, string>, clock = new ManualClock()): TokenAuthenticator {
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')] as const);
  const secret = {
    metadata: { name: 'bootstrap-token-abc123', namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(encoded),
  } as Secret;
  const get = (namespace: string, name: string): Secret | undefined =>
    namespace === 'kube-system' && name === secret.metadata.name ? secret : undefined;
  const listers = (() => ({ generation: 0, get, list: () => [secret] })) as unknown as Listers;
  return bootstrapTokenAuthenticator({ listers, clock });
}

describe('bootstrapTokenAuthenticator() [A37]', () => {
  it('knows who shows the token of a secret', async () => {
    expect(await authenticator(GOOD)(TOKEN, ['api'])).toEqual({
      user: {
        name: 'system:bootstrap:abc123',
        groups: ['system:bootstrappers', 'system:bootstrappers:workers', 'system:authenticated'],
      },
      audiences: ['api'],
    });
  });

  it('knows nobody once the time of the token is over', async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    const authenticate = authenticator({ ...GOOD, expiration: '2026-01-01T00:01:00Z' }, clock);
    clock.advance(59_999);
    expect(await authenticate(TOKEN, [])).toBeDefined();
    clock.advance(1);
    expect(await authenticate(TOKEN, [])).toBeUndefined();
  });

  it.each([
    ['another value', GOOD, 'abc123.0123456789abcdee'],
    ['another id', GOOD, 'abc124.0123456789abcdef'],
    ['only the value', GOOD, '0123456789abcdef'],
    ['more than the token', GOOD, `${TOKEN}0`],
    ['a token for signing', { ...GOOD, 'usage-bootstrap-authentication': 'false' }, TOKEN],
    ['a token of another id', { ...GOOD, 'token-id': 'abc124' }, TOKEN],
    ['a token of administrators', { ...GOOD, 'auth-extra-groups': 'system:masters' }, TOKEN],
  ])('knows nobody who shows %s', async (_, data, token) => {
    expect(await authenticator(data)(token, ['api'])).toBeUndefined();
  });
});
