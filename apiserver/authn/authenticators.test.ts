import { describe, expect, it } from '@jest/globals';
import { unauthorized } from '../../api/machinery/errors.ts';
import type { ApiRequest, PeerCertificate } from '../../api/machinery/handler.ts';
import { clientCertificateAuthenticator } from './client-certificate.ts';
import { staticTokenAuthenticator } from './static-token.ts';
import { anonymousAuthenticator, unionAuthenticator } from './union.ts';

const request = (peerCertificate?: PeerCertificate): ApiRequest =>
  ({ headers: {}, ...(peerCertificate === undefined ? {} : { peerCertificate }) }) as unknown as ApiRequest;

describe('clientCertificateAuthenticator() [A37]', () => {
  it('reads user and groups', async () => {
    const peer = { commonName: 'jane', organizations: ['devs', 'ops'], fingerprint: 'ab12' };
    expect(await clientCertificateAuthenticator(request(peer))).toEqual({
      name: 'jane',
      groups: ['devs', 'ops', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=ab12'] },
    });
  });

  it('knows nobody without a certificate or without a name in it', async () => {
    expect(await clientCertificateAuthenticator(request())).toBeUndefined();
    const nameless = { commonName: '', organizations: ['system:masters'], fingerprint: 'ab12' };
    expect(await clientCertificateAuthenticator(request(nameless))).toBeUndefined();
  });
});

describe('staticTokenAuthenticator()', () => {
  const authenticate = staticTokenAuthenticator(
    ['# users', 't0ken,jane,u1,"devs,ops"', '"quo""ted",joe,u2', '', 'third,ann,u3,one'].join('\r\n'),
  );
  const groupsOf = async (token: string): Promise<readonly string[] | undefined> =>
    (await authenticate(token, ['api']))?.user.groups;

  it('reads users, quoted groups and quoted tokens', async () => {
    expect(await authenticate('t0ken', ['api'])).toEqual({
      user: { name: 'jane', uid: 'u1', groups: ['devs', 'ops', 'system:authenticated'] },
      audiences: ['api'],
    });
    expect(await groupsOf('quo"ted')).toEqual(['system:authenticated']);
    expect(await groupsOf('third')).toEqual(['one', 'system:authenticated']);
  });

  it('knows no other token', async () => {
    for (const token of ['', 't0ke', 'T0ken', '# users', 'jane']) expect(await groupsOf(token)).toBeUndefined();
  });

  it.each([
    ['too few columns', 'secret,jane', /line 1: must have at least 3 columns .* found 2/],
    ['an empty token', 'a,b,c\n,jane,u1', /line 2: the token is empty/],
    ['an open quote', 'secret,jane,u1,"devs', /line 1: a quoted field is not closed/],
  ])('refuses %s without showing the line', (_, text, message) => {
    expect(() => staticTokenAuthenticator(text)).toThrow(message);
    expect(() => staticTokenAuthenticator(text)).not.toThrow(/secret/);
  });
});

describe('unionAuthenticator() [A37]', () => {
  const jane = { name: 'jane', groups: [] };

  it('takes the first that knows, anonymous last', async () => {
    const union = unionAuthenticator([() => undefined, () => jane, anonymousAuthenticator]);
    expect(await union(request())).toBe(jane);
    const nobody = unionAuthenticator([() => undefined, anonymousAuthenticator]);
    expect(await nobody(request())).toEqual({ name: 'system:anonymous', groups: ['system:unauthenticated'] });
  });

  it('does not treat a wrong credential as none', async () => {
    const refuse = (): never => {
      throw unauthorized();
    };
    await expect(unionAuthenticator([refuse, anonymousAuthenticator])(request())).rejects.toMatchObject({ code: 401 });
  });
});
