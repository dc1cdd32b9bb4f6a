import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { legacyClaims } from '../../api/core/v1/service-account-token-secret.ts';
import type { Secret } from '../../api/core/v1/secret.ts';
import type { Listers } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { secretTokenAuthenticator } from './service-account-secret-token.ts';
import type { TokenKeys } from './token-keys.ts';
import { createTokenKeys } from './token-keys.ts';

const ACCOUNT = { namespace: 'default', name: 'robot', uid: 'u1' };

function newKeys(): TokenKeys {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return createTokenKeys({ issuer: 'api', signingKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() });
}

let keys: TokenKeys;
let token: string;
beforeAll(async () => {
  keys = newKeys();
  token = await keys.sign(legacyClaims(ACCOUNT, 'its-token'));
});

interface Present {
  account?: object;
  secret?: object;
  holds?: string;
}

async function bearer(shown: string, { account = {}, secret = {}, holds = shown }: Present = {}): Promise<unknown> {
  const objects: Record<string, ApiObject> = {
    serviceaccounts: { metadata: { name: 'robot', namespace: 'default', uid: 'u1', ...account } },
    secrets: {
      metadata: { name: 'its-token', namespace: 'default', ...secret },
      data: { token: Buffer.from(holds).toString('base64') },
    } as Secret,
  };
  const listers = (({ plural }: { plural: string }) => ({
    generation: 0,
    list: () => [objects[plural]],
    get: (namespace: string, name: string) => {
      const { metadata } = objects[plural]!;
      return metadata.namespace === namespace && metadata.name === name ? objects[plural] : undefined;
    },
  })) as unknown as Listers;
  return (await secretTokenAuthenticator({ keys, listers })(shown, ['api', 'vault']))?.user;
}

describe('secretTokenAuthenticator() [A37]', () => {
  it('knows whose token a secret holds, for the API server only', async () => {
    expect(await bearer(token)).toEqual({
      name: 'system:serviceaccount:default:robot',
      uid: 'u1',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
      extra: {},
    });
  });

  it.each<[string, Present]>([
    ['the account is another one', { account: { uid: 'u2' } }],
    ['the account is gone', { account: { name: 'other' } }],
    ['the account goes', { account: { deletionTimestamp: '2026-01-01T00:00:00Z' } }],
    ['the secret is gone', { secret: { name: 'other' } }],
    ['the secret goes', { secret: { deletionTimestamp: '2026-01-01T00:00:00Z' } }],
    ['the secret holds another', { holds: 'another' }],
  ])('knows nobody when %s', async (_, present) => expect(await bearer(token, present)).toBeUndefined());

  it('knows nobody by claims that are not complete, or signed by somebody else', async () => {
    const claims = legacyClaims(ACCOUNT, 'its-token');
    expect(await bearer(await newKeys().sign(claims))).toBeUndefined();
    for (const name of Object.keys(claims)) {
      const { [name]: _, ...rest } = claims;
      expect([name, await bearer(await keys.sign(rest))]).toEqual([name, undefined]);
    }
    const other = { ...claims, sub: 'system:serviceaccount:kube-system:admin' };
    expect(await bearer(await keys.sign(other))).toBeUndefined();
  });
});
