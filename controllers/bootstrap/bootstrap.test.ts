import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ConfigMap } from '../../api/core/v1/config-map.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import { formatTime, realClock } from '../../base/clock.ts';
import { eventually, runControllers } from '../testing.ts';
import { bootstrapSigner, signedData } from './bootstrap-signer.ts';
import { detachedSignature } from './detached-signature.ts';
import { tokenCleaner } from './token-cleaner.ts';

describe('detachedSignature()', () => {
  // The vectors of upstream's jws_test.go.
  const content = 'Hello from the other side. I must have called a thousand times.';
  const header = 'eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..';
  it.each([
    [content, 'my voice is my passcode', 'VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8'],
    ['', 'my voice is my passcode', '7Ui1ALizW4jXphVUB7xUqC9vLYLL9RZeOFfVLoB7Tgk'],
    [content, '', 'UfkqvDGiIFxrMnFseDj9LYJOLNrvjW8aHhF71mvvAs8'],
  ])('of %j with %j', (text, secret, signature) => {
    expect(detachedSignature(text, { id: 'joshua', secret })).toBe(header + signature);
  });
});

describe('signedData()', () => {
  const token = { id: 'abc123', secret: '0123456789abcdef' };
  const signed = { kubeconfig: 'k', other: 'o', 'jws-kubeconfig-abc123': detachedSignature('k', token) };

  it('signs what is to be signed, once', () => {
    expect(signedData({ kubeconfig: 'k', other: 'o' }, [token])).toEqual(signed);
    expect(signedData(signed, [token])).toBeUndefined();
  });

  it('signs again what has changed, and takes away what nobody signs', () => {
    const changed = { ...signed, kubeconfig: 'l' };
    expect(signedData(changed, [token])).toEqual({
      ...changed,
      'jws-kubeconfig-abc123': detachedSignature('l', token),
    });
    expect(signedData(signed, [])).toEqual({ kubeconfig: 'k', other: 'o' });
    const another = { id: 'def456', secret: token.secret };
    expect(Object.keys(signedData(signed, [another])!)).toEqual(['kubeconfig', 'other', 'jws-kubeconfig-def456']);
  });

  it('signs nothing where there is nothing', () => {
    expect(signedData({ other: 'o' }, [token])).toBeUndefined();
  });
});

describe('bootstrapSigner and tokenCleaner [W14]', () => {
  let server: TestServer;
  let stop: () => Promise<void>;
  beforeEach(async () => {
    server = await startTestServer();
    stop = runControllers(server.api.handler, [bootstrapSigner, tokenCleaner]);
  });
  afterEach(async () => {
    await stop();
    await server.close();
  });

  const SECRETS = '/api/v1/namespaces/kube-system/secrets';
  const INFO = '/api/v1/namespaces/kube-public/configmaps';
  const token = (id: string, stringData: object = {}, namespace = 'kube-system'): Promise<unknown> =>
    server.call('POST', `/api/v1/namespaces/${namespace}/secrets`, {
      metadata: { name: `bootstrap-token-${id}` },
      type: 'bootstrap.kubernetes.io/token',
      stringData: {
        'token-id': id,
        'token-secret': '0123456789abcdef',
        'usage-bootstrap-signing': 'true',
        ...stringData,
      },
    });
  const signedBy = async (...ids: string[]): Promise<ConfigMap> =>
    eventually(async () => {
      const info = await server.call<ConfigMap>('GET', `${INFO}/cluster-info`);
      const keys = Object.keys(info.data ?? {}).filter((key) => key.startsWith('jws-kubeconfig-'));
      return keys.sort().join() === ids.map((id) => `jws-kubeconfig-${id}`).join() ? info : undefined;
    });
  const gone = (name: string): Promise<true> =>
    eventually(async () => ((await server.send('GET', `${SECRETS}/${name}`)).status === 404 ? true : undefined));

  it('keep a signature of every token, and none of others', async () => {
    await server.call('POST', INFO, { metadata: { name: 'cluster-info' }, data: { kubeconfig: 'k' } });
    await token('first1');
    await token('useles', { 'usage-bootstrap-signing': 'false' });
    await token('elsewh', {}, 'default');
    await token('second');
    const { data } = await signedBy('first1', 'second');
    const expected = detachedSignature('k', { id: 'first1', secret: '0123456789abcdef' });
    expect(data!['jws-kubeconfig-first1']).toBe(expected);
    await server.call('DELETE', `${SECRETS}/bootstrap-token-first1`);
    await signedBy('second');
  });

  it('delete a token whose time is over, and only that', async () => {
    const later = formatTime(realClock.now() + 3_600_000);
    await token('staysa', { expiration: later });
    await token('staysb');
    await token('staysc', { expiration: '2020-01-01T00:00:00Z' }, 'default');
    await token('goesaa', { expiration: '2020-01-01T00:00:00Z' });
    await token('goesbb', { expiration: 'never' });
    await gone('bootstrap-token-goesaa');
    await gone('bootstrap-token-goesbb');
    await server.call('GET', `${SECRETS}/bootstrap-token-staysa`);
    await server.call('GET', `${SECRETS}/bootstrap-token-staysb`);
    await server.call('GET', '/api/v1/namespaces/default/secrets/bootstrap-token-staysc');
    // Its time comes to be over.
    await server.send('PATCH', `${SECRETS}/bootstrap-token-staysa`, {
      body: { stringData: { expiration: '2020-01-01T00:00:00Z' } },
      contentType: 'application/merge-patch+json',
    });
    await gone('bootstrap-token-staysa');
  });
});
