import { beforeEach, describe, expect, it } from '@jest/globals';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { SignJWT, createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import type { JSONWebKeySet } from 'jose';
import type { ApiRequest, UserInfo } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Clock } from '../../base/clock.ts';
import { realClock } from '../../base/clock.ts';
import { generateSigningKey } from '../../base/pki-inspect.ts';
import { realRandom } from '../../base/random.ts';
import type { FakeListers } from '../authz/fake-listers.ts';
import { fakeListers } from '../authz/fake-listers.ts';
import type { TokenAuthenticator } from './bearer-token.ts';
import { bearerTokenAuthenticator } from './bearer-token.ts';
import { openIdConfiguration, openIdKeySet } from './openid-discovery.ts';
import { serviceAccountTokenAuthenticator } from './service-account-token.ts';
import type { TokenKeys } from './token-keys.ts';
import { createTokenKeys } from './token-keys.ts';
import type { TokenRequest } from './token-request.ts';
import { issueServiceAccountToken } from './token-request.ts';
import { reviewToken } from './token-review.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const START_MS = Date.parse('2026-01-01T00:00:00Z');
const ROBOT = { namespace: 'ci', name: 'robot' };

const pair = generateSigningKey();
let nowMs = START_MS;
const clock: Clock = { ...realClock, now: () => nowMs };

const object = (name: string, uid: string, more: object = {}): ApiObject =>
  ({ metadata: { namespace: 'ci', name, uid }, ...more }) as ApiObject;

let keys: TokenKeys;
let fake: FakeListers;
let authenticate: TokenAuthenticator;

beforeEach(() => {
  nowMs = START_MS;
  keys = createTokenKeys({ issuer: ISSUER, signingKey: pair.privateKey });
  fake = fakeListers({
    serviceaccounts: [object('robot', 'sa-1'), object('other', 'sa-2')],
    pods: [
      object('web', 'pod-1', { spec: { serviceAccountName: 'robot', nodeName: 'n1' } }),
      object('loose', 'pod-2', { spec: { serviceAccountName: 'robot' } }),
    ],
    secrets: [object('s', 'secret-1')],
    nodes: [{ metadata: { name: 'n1', uid: 'node-1' } }],
  });
  authenticate = serviceAccountTokenAuthenticator({ keys, listers: fake.listers, clock });
});

function issue(spec: TokenRequest['spec'] = {}, account = ROBOT): Promise<TokenRequest> {
  const issuer = { keys, listers: fake.listers, apiAudiences: [ISSUER], clock, random: realRandom };
  return issueServiceAccountToken(issuer, account, { spec: spec! });
}

async function tokenFor(spec?: TokenRequest['spec']): Promise<string> {
  return (await issue(spec)).status!.token;
}

async function userOf(token: string, audiences: readonly string[] = [ISSUER]): Promise<UserInfo | undefined> {
  return (await authenticate(token, audiences))?.user;
}

const boundTo = (kind: string, name: string, uid?: string): TokenRequest['spec'] => ({
  boundObjectRef: { apiVersion: 'v1', kind, name, ...(uid === undefined ? {} : { uid }) },
});

describe('issueServiceAccountToken() [A42]', () => {
  it("makes upstream's claims", async () => {
    const { spec, status, kind } = await issue({ expirationSeconds: 900, ...boundTo('Pod', 'web', 'pod-1') });
    expect(kind).toBe('TokenRequest');
    expect(spec).toMatchObject({ audiences: [ISSUER], expirationSeconds: 900 });
    expect(status!.expirationTimestamp).toBe('2026-01-01T00:15:00Z');
    const seconds = START_MS / 1000;
    expect(decodeJwt(status!.token)).toEqual({
      iss: ISSUER,
      sub: 'system:serviceaccount:ci:robot',
      aud: [ISSUER],
      iat: seconds,
      nbf: seconds,
      exp: seconds + 900,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      'kubernetes.io': {
        namespace: 'ci',
        serviceaccount: { name: 'robot', uid: 'sa-1' },
        pod: { name: 'web', uid: 'pod-1' },
        node: { name: 'n1', uid: 'node-1' },
      },
    });
    expect(decodeProtectedHeader(status!.token)).toEqual({ alg: 'ES256', kid: expect.any(String) });
  });

  it('lets the tokens of pods live on, with a time to warn after', async () => {
    const { status, spec } = await issue({ expirationSeconds: 3607, ...boundTo('Pod', 'web') });
    const claims = decodeJwt<{ 'kubernetes.io': { warnafter: number } }>(status!.token);
    expect(claims.exp).toBe(START_MS / 1000 + 365 * 86_400);
    expect(claims['kubernetes.io'].warnafter).toBe(START_MS / 1000 + 3607);
    expect(status!.expirationTimestamp).toBe('2026-01-01T01:00:07Z');
    expect(spec!.expirationSeconds).toBe(3607);
  });

  it('does not extend tokens for other audiences or without a pod', async () => {
    const foreign = await issue({ expirationSeconds: 3607, audiences: ['vault'], ...boundTo('Pod', 'web') });
    expect(decodeJwt(foreign.status!.token).exp).toBe(START_MS / 1000 + 3607);
    expect(decodeJwt(await tokenFor({ expirationSeconds: 3607 })).exp).toBe(START_MS / 1000 + 3607);
  });

  it.each<[string, TokenRequest['spec'], number, string]>([
    [
      'a short life',
      { expirationSeconds: 599 },
      422,
      'TokenRequest.authentication.k8s.io "robot" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
    ],
    [
      'a life without end',
      { expirationSeconds: 2 ** 32 + 1 },
      422,
      'TokenRequest.authentication.k8s.io "robot" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
    ],
    ['a pod that is not there', boundTo('Pod', 'gone'), 404, 'pods "gone" not found'],
    ['a secret that is not there', boundTo('Secret', 'gone'), 404, 'secrets "gone" not found'],
    [
      'a pod that was made again',
      boundTo('Pod', 'web', 'pod-0'),
      409,
      'Operation cannot be fulfilled on Pod "web": the UID in the bound object reference (pod-0) does not match the UID in record. The object might have been deleted and then recreated',
    ],
    ['another kind', boundTo('ConfigMap', 'c'), 400, 'cannot bind token to object of type /v1, Kind=ConfigMap'],
    [
      'a kind of another group',
      { boundObjectRef: { apiVersion: 'apps/v1', kind: 'Pod', name: 'web' } },
      400,
      'cannot bind token to object of type apps/v1, Kind=Pod',
    ],
  ])('refuses %s', async (_, spec, code, message) => {
    await expect(issue(spec)).rejects.toMatchObject({ code, message });
  });

  it("refuses another account's pod and accounts that are not there", async () => {
    await expect(issue(boundTo('Pod', 'web'), { namespace: 'ci', name: 'other' })).rejects.toMatchObject({
      code: 400,
      message: 'cannot bind token for serviceaccount "other" to pod running with serviceaccount "robot"',
    });
    await expect(issue({}, { namespace: 'web', name: 'robot' })).rejects.toMatchObject({
      code: 404,
      message: 'serviceaccounts "robot" not found',
    });
  });
});

describe('serviceAccountTokenAuthenticator()', () => {
  it('knows who holds a token', async () => {
    const token = await tokenFor(boundTo('Pod', 'web'));
    expect(await userOf(token)).toEqual({
      name: 'system:serviceaccount:ci:robot',
      uid: 'sa-1',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:ci', 'system:authenticated'],
      extra: {
        'authentication.kubernetes.io/credential-id': [`JTI=${decodeJwt(token).jti!}`],
        'authentication.kubernetes.io/pod-name': ['web'],
        'authentication.kubernetes.io/pod-uid': ['pod-1'],
        'authentication.kubernetes.io/node-name': ['n1'],
        'authentication.kubernetes.io/node-uid': ['node-1'],
      },
    });
  });

  it('answers the same user object for the same token', async () => {
    const token = await tokenFor();
    expect(await userOf(token)).toBe(await userOf(token));
  });

  it('refuses a token for another audience', async () => {
    const token = await tokenFor({ audiences: ['vault', 'registry'] });
    expect(await userOf(token)).toBeUndefined();
    expect(await authenticate(token, ['registry', 'x'])).toMatchObject({ audiences: ['registry'] });
  });

  it('refuses a token that is over, also one that it has seen before', async () => {
    const token = await tokenFor({ expirationSeconds: 600 });
    nowMs = START_MS + 659_000;
    expect(await userOf(token)).toBeDefined();
    nowMs = START_MS + 661_000;
    expect(await userOf(token)).toBeUndefined();
  });

  it('refuses a token from the future', async () => {
    const token = await tokenFor();
    nowMs = START_MS - 61_000;
    expect(await userOf(token)).toBeUndefined();
  });

  it.each<[string, TokenRequest['spec'], string, ApiObject[]]>([
    ['account is deleted', {}, 'serviceaccounts', []],
    ['account is made again', {}, 'serviceaccounts', [object('robot', 'sa-9')]],
    ['pod is deleted', boundTo('Pod', 'web'), 'pods', []],
    ['pod is made again', boundTo('Pod', 'web'), 'pods', [object('web', 'pod-9')]],
    ['secret is deleted', boundTo('Secret', 's'), 'secrets', []],
    ['node is deleted', boundTo('Node', 'n1'), 'nodes', []],
    ['node is made again', boundTo('Node', 'n1'), 'nodes', [{ metadata: { name: 'n1', uid: 'node-9' } }]],
  ])('refuses a token whose %s', async (_, spec, resource, objects) => {
    const token = await tokenFor(spec);
    expect(await userOf(token)).toBeDefined();
    fake.set(resource, objects);
    expect(await userOf(token)).toBeUndefined();
  });

  it('goes on with the token of a pod whose node object is gone', async () => {
    const token = await tokenFor(boundTo('Pod', 'web'));
    fake.set('nodes', []);
    expect(await userOf(token)).toBeDefined();
  });

  it('lets a pod that is shutting down use its token for a minute', async () => {
    const token = await tokenFor(boundTo('Pod', 'web'));
    const metadata = { namespace: 'ci', name: 'web', uid: 'pod-1', deletionTimestamp: '2026-01-01T00:00:00Z' };
    fake.set('pods', [{ metadata }]);
    nowMs = START_MS + 30_000;
    expect(await userOf(token)).toBeDefined();
    nowMs = START_MS + 61_000;
    expect(await userOf(token)).toBeUndefined();
  });

  describe('is not deceived by', () => {
    const forge = async (signed: TokenKeys): Promise<string> => signed.sign(decodeJwt(await tokenFor()));
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

    it('another key', async () => {
      const other = createTokenKeys({ issuer: ISSUER, signingKey: generateSigningKey().privateKey });
      expect(await userOf(await forge(other))).toBeUndefined();
    });

    it('another key under the id of ours', async () => {
      const { kid } = decodeProtectedHeader(await tokenFor());
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const token = await new SignJWT(decodeJwt(await tokenFor()))
        .setProtectedHeader({ alg: 'ES256', kid: kid! })
        .sign(privateKey);
      expect(await userOf(token)).toBeUndefined();
    });

    it('claims changed after signing, also of a token that it has seen before', async () => {
      const token = await tokenFor();
      await userOf(token);
      const [header, , signature] = token.split('.');
      const claims = { ...decodeJwt(token), sub: 'system:serviceaccount:kube-system:admin' };
      expect(await userOf(`${header!}.${encode(claims)}.${signature!}`)).toBeUndefined();
    });

    it('no signature, or one made with the public key as a secret', async () => {
      const token = await tokenFor();
      const { kid } = decodeProtectedHeader(token);
      const payload = token.split('.')[1]!;
      expect(await userOf(`${encode({ alg: 'none', kid })}.${payload}.`)).toBeUndefined();
      const signed = `${encode({ alg: 'HS256', kid })}.${payload}`;
      const mac = createHmac('sha256', pair.publicKey).update(signed).digest('base64url');
      expect(await userOf(`${signed}.${mac}`)).toBeUndefined();
    });

    it('a subject that is not the account of the claims', async () => {
      const claims = decodeJwt(await tokenFor());
      const token = await keys.sign({ ...claims, sub: 'system:serviceaccount:ci:other' });
      expect(await userOf(token)).toBeUndefined();
    });

    it.each(['', 'x', 'a.b.c', '..', `${'x'.repeat(70_000)}.e30.x`, `e30.${encode({ iss: ISSUER })}.x`])(
      'text that is no token (%#)',
      async (token) => {
        expect(await userOf(token)).toBeUndefined();
      },
    );
  });

  it('accepts tokens of a key that was replaced, as long as it is told of it', async () => {
    const old = await tokenFor();
    const next = generateSigningKey().privateKey;
    const both = createTokenKeys({ issuer: ISSUER, signingKey: next, verificationKeys: [pair.publicKey] });
    const options = { listers: fake.listers, clock };
    expect(await serviceAccountTokenAuthenticator({ keys: both, ...options })(old, [ISSUER])).toBeDefined();
    const only = createTokenKeys({ issuer: ISSUER, signingKey: next });
    expect(await serviceAccountTokenAuthenticator({ keys: only, ...options })(old, [ISSUER])).toBeUndefined();
  });

  it('works with RSA keys', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    keys = createTokenKeys({ issuer: ISSUER, signingKey: pem });
    authenticate = serviceAccountTokenAuthenticator({ keys, listers: fake.listers, clock });
    expect(await userOf(await tokenFor())).toBeDefined();
  });
});

describe('OpenID discovery [A42]', () => {
  it('gives others what they need to check a token, and no private key', async () => {
    const { body } = openIdKeySet(keys);
    const token = await tokenFor({ audiences: ['vault'] });
    const options = { issuer: ISSUER, audience: 'vault', currentDate: new Date(nowMs) };
    const { payload } = await jwtVerify(token, createLocalJWKSet(body as JSONWebKeySet), options);
    expect(payload.sub).toBe('system:serviceaccount:ci:robot');
    expect(JSON.stringify(body)).not.toContain('"d"');
    expect(openIdConfiguration(keys, 'https://127.0.0.1:6443/openid/v1/jwks').body).toEqual({
      issuer: ISSUER,
      jwks_uri: 'https://127.0.0.1:6443/openid/v1/jwks',
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    });
  });
});

describe('bearerTokenAuthenticator()', () => {
  const request = (headers: Record<string, string>): ApiRequest => ({ headers }) as unknown as ApiRequest;

  it('reads the Authorization header or a WebSocket subprotocol', async () => {
    const token = await tokenFor();
    const read = bearerTokenAuthenticator([authenticate], [ISSUER]);
    const name = 'system:serviceaccount:ci:robot';
    expect(await read(request({ authorization: `Bearer ${token}` }))).toMatchObject({ name });
    expect(await read(request({ authorization: `bearer  ${token}` }))).toMatchObject({ name });
    const encoded = Buffer.from(token).toString('base64url');
    const protocols = `v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.${encoded}`;
    expect(await read(request({ 'sec-websocket-protocol': protocols }))).toMatchObject({ name });
  });

  it('answers 401 to a token that nobody knows, and nothing to none', async () => {
    const read = bearerTokenAuthenticator([authenticate], [ISSUER]);
    await expect(read(request({ authorization: 'Bearer nonsense' }))).rejects.toMatchObject({ code: 401 });
    const foreign = await tokenFor({ audiences: ['vault'] });
    await expect(read(request({ authorization: `Bearer ${foreign}` }))).rejects.toMatchObject({ code: 401 });
    const huge = `Bearer ${'x'.repeat(100_000)}`;
    await expect(read(request({ authorization: huge }))).rejects.toMatchObject({ code: 401 });
    expect(await read(request({}))).toBeUndefined();
    expect(await read(request({ authorization: 'Basic YTpi' }))).toBeUndefined();
  });
});

describe('reviewToken()', () => {
  it('tells whose a token is without telling the token', async () => {
    const token = await tokenFor();
    const answer = await reviewToken({ spec: { token } }, { authenticate, apiAudiences: [ISSUER] });
    expect(answer.status).toMatchObject({
      authenticated: true,
      audiences: [ISSUER],
      user: { username: 'system:serviceaccount:ci:robot', uid: 'sa-1' },
    });
    expect(JSON.stringify(answer)).not.toContain(token);
  });

  it('does not accept what is not for the audience asked for', async () => {
    const token = await tokenFor();
    const options = { authenticate, apiAudiences: [ISSUER] };
    const answer = await reviewToken({ spec: { token, audiences: ['vault'] } }, options);
    expect(answer.status!.authenticated).toBeUndefined();
    await expect(reviewToken({ spec: {} }, options)).rejects.toMatchObject({ code: 400 });
  });
});
