/** Service accounts and access reviews: upstream's test/e2e/auth, with pods that really run. Needs root. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createPublicKey, verify } from 'node:crypto';
import { KubeConfig } from '@kubernetes/client-node';
import type { Conformance, Json } from './conformance.ts';
import { clientOf, eventually, isRoot, pod, startConformance } from './conformance.ts';

const suite = isRoot ? describe : describe.skip;
const MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

let cluster: Conformance;
let namespace: string;
let accounts: string;
let pods: string;

beforeAll(async () => {
  if (!isRoot) return;
  cluster = await startConformance([]);
  namespace = await cluster.namespace('auth');
  accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  pods = `/api/v1/namespaces/${namespace}/pods`;
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

/** Runs a shell command in a pod to its end; gives what each container printed. */
async function run(name: string, command: string, spec: Json = {}): Promise<string> {
  await cluster.post(
    pods,
    pod(name, { restartPolicy: 'Never', container: { command: ['sh', '-c', command] }, ...spec }),
  );
  const ended = await eventually(`${name} to end`, async () => {
    const object = await cluster.get(`${pods}/${name}`);
    return ['Succeeded', 'Failed'].includes(object.status.phase) && object;
  });
  const { body } = await cluster.send('GET', `${pods}/${name}/log?container=c`);
  if (ended.status.phase !== 'Succeeded') throw new Error(`${name} failed: ${body}`);
  return body;
}

const claims = (token: string): Json => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());

suite('service accounts', () => {
  it('have token, root certificate and namespace mounted [conformance: Service Account Tokens Must AutoMount]', async () => {
    const [token, ca, name] = (
      await run('mounted', `for f in token ca.crt namespace; do cat ${MOUNT}/$f; echo; echo ---; done`)
    ).split('\n---\n');
    expect(claims(token!.trim())).toMatchObject({
      sub: `system:serviceaccount:${namespace}:default`,
      'kubernetes.io': { namespace, pod: { name: 'mounted' } },
    });
    const { data } = await cluster.get(`/api/v1/namespaces/${namespace}/configmaps/kube-root-ca.crt`);
    expect(ca!.trim()).toBe(data['ca.crt'].trim());
    expect(name!.trim()).toBe(namespace);
    // The server knows the token's user.
    const review = await cluster.post('/apis/authentication.k8s.io/v1/tokenreviews', {
      spec: { token: token!.trim() },
    });
    expect(review.status).toMatchObject({
      authenticated: true,
      user: { username: `system:serviceaccount:${namespace}:default` },
    });
    expect(review.status.user.groups).toEqual([
      'system:serviceaccounts',
      `system:serviceaccounts:${namespace}`,
      'system:authenticated',
    ]);
  });

  it('are mounted only where account and pod do not forbid it [conformance: Service account tokens auto mount optionally]', async () => {
    await cluster.post(accounts, { metadata: { name: 'mount' }, automountServiceAccountToken: true });
    await cluster.post(accounts, { metadata: { name: 'nomount' }, automountServiceAccountToken: false });
    const table: [string, string, boolean | undefined, boolean][] = [];
    for (const [account, byAccount] of [
      ['default', true],
      ['mount', true],
      ['nomount', false],
    ] as const) {
      for (const asked of [undefined, true, false])
        table.push([`${account}-${asked}`, account, asked, asked ?? byAccount]);
    }
    for (const [name, serviceAccountName, automountServiceAccountToken, expected] of table) {
      const body = pod(name, {
        serviceAccountName,
        ...(automountServiceAccountToken === undefined ? {} : { automountServiceAccountToken }),
        nodeSelector: { nosuch: 'node' },
      });
      const { spec } = await cluster.post(pods, body);
      const mounts = (spec.containers[0].volumeMounts ?? []).filter(({ mountPath }: Json) => mountPath === MOUNT);
      expect([name, mounts.length]).toEqual([name, expected ? 1 : 0]);
    }
  });

  it('have tokens that can be projected [conformance: TokenRequestProjection should mount a projected volume with token using TokenRequest API.]', async () => {
    const sources = [{ serviceAccountToken: { path: 'test-token', audience: 'projected', expirationSeconds: 3600 } }];
    const token = await run('projected', 'cat /projected/test-token', {
      container: {
        command: ['sh', '-c', 'cat /projected/test-token'],
        volumeMounts: [{ name: 'token', mountPath: '/projected' }],
      },
      volumes: [{ name: 'token', projected: { sources } }],
    });
    expect(claims(token)).toMatchObject({ aud: ['projected'], sub: `system:serviceaccount:${namespace}:default` });
    expect(claims(token).exp - claims(token).iat).toBe(3600);
  });

  it('live and die [conformance: ServiceAccount lifecycle test]', async () => {
    const labels = { 'test-serviceaccount-static': 'true' };
    const watch = await cluster.watch(accounts, { labelSelector: 'test-serviceaccount-static=true' });
    await cluster.post(accounts, { metadata: { name: 'lifecycle', labels } });
    await eventually('the added event', () => watch.events.some(({ type }) => type === 'ADDED'));
    await cluster.patch(`${accounts}/lifecycle`, { automountServiceAccountToken: false }, 'strategic-merge');
    const { items } = await cluster.get('/api/v1/serviceaccounts?labelSelector=test-serviceaccount-static%3Dtrue');
    expect(
      items.map(({ metadata, automountServiceAccountToken }: Json) => [metadata.name, automountServiceAccountToken]),
    ).toEqual([['lifecycle', false]]);
    await cluster.remove(`${accounts}?labelSelector=test-serviceaccount-static%3Dtrue`);
    await eventually('the deleted event', () => watch.events.some(({ type }) => type === 'DELETED'));
    watch.stop();
    expect(watch.events.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
  });

  it('are updated [conformance: ServiceAccount, update a ServiceAccount]', async () => {
    await cluster.post(accounts, { metadata: { name: 'updated' } });
    await cluster.update(`${accounts}/updated`, (account) => (account.automountServiceAccountToken = true));
    expect((await cluster.get(`${accounts}/updated`)).automountServiceAccountToken).toBe(true);
  });

  it('get tokens that the server knows again [conformance: ServiceAccount, create and review token]', async () => {
    await cluster.post(accounts, { metadata: { name: 'tokens' } });
    const { status } = await cluster.post(`${accounts}/tokens/token`, { spec: { audiences: [] } });
    expect(status.token).not.toBe('');
    const review = await cluster.post('/apis/authentication.k8s.io/v1/tokenreviews', {
      metadata: { name: 'review' },
      spec: { token: status.token },
    });
    expect(review.status).toMatchObject({ authenticated: true });
    expect(review.status.error ?? '').toBe('');
  });

  it('have the cluster’s root certificate in every namespace [conformance: RootCA ConfigMap test]', async () => {
    const path = `/api/v1/namespaces/${namespace}/configmaps/kube-root-ca.crt`;
    const { data, metadata } = await cluster.get(path);
    expect(data['ca.crt']).toMatch(/^-----BEGIN CERTIFICATE-----/);
    await cluster.remove(path);
    await eventually('it to be there again', async () => {
      const { status, body } = await cluster.send('GET', path);
      return status === 200 && body.metadata.uid !== metadata.uid;
    });
    await cluster.update(path, (map) => (map.data = { 'ca.crt': '' }));
    await eventually('it to be right again', async () => (await cluster.get(path)).data['ca.crt'] === data['ca.crt']);
  });

  it('are shown to others through OIDC discovery [conformance: OIDC Discovery (ServiceAccountIssuerDiscovery)]', async () => {
    // A pod's account may read the documents; its token's issuer and key are in them.
    const subjects = [{ kind: 'ServiceAccount', name: 'default', namespace }];
    const roleRef = {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name: 'system:service-account-issuer-discovery',
    };
    await cluster.post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: 'oidc-test' },
      subjects,
      roleRef,
    });
    const token = (await run('oidc', `cat ${MOUNT}/token`)).trim();
    const asPod = clientAs({ token });
    const document = await asPod.get('/.well-known/openid-configuration');
    expect(document).toMatchObject({
      issuer: claims(token).iss,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
    });
    const { pathname } = new URL(document.jwks_uri);
    expect(pathname).toBe('/openid/v1/jwks');
    const { keys } = await asPod.get(pathname);
    const { kid, alg } = JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString());
    const jwk = keys.find((key: Json) => key.kid === kid);
    expect(document.id_token_signing_alg_values_supported).toContain(alg);
    const [header, payload, signature] = token.split('.');
    const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' as const };
    expect(verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature!, 'base64url'))).toBe(true);
  });
});

/** A client with the cluster's address and another identity. */
function clientAs(user: Json): ReturnType<typeof clientOf> {
  const config = new KubeConfig();
  const name = cluster.config.getCurrentCluster()!.name;
  config.loadFromOptions({
    clusters: cluster.config.clusters,
    users: [{ name: 'other', ...user }],
    contexts: [{ name: 'c', cluster: name, user: 'other' }],
    currentContext: 'c',
  });
  return clientOf(config);
}

suite('access reviews', () => {
  it('say what an impersonated account then sees [conformance: SubjectReview, API Operations]', async () => {
    await cluster.post(accounts, { metadata: { name: 'e2e' } });
    const user = `system:serviceaccount:${namespace}:e2e`;
    const groups = ['system:authenticated', 'system:serviceaccounts', `system:serviceaccounts:${namespace}`];
    const maps = `/api/v1/namespaces/${namespace}/configmaps`;
    const asAccount = (): Promise<number> =>
      cluster.send('GET', maps, { headers: { 'Impersonate-User': user } }).then(({ status }) => status);
    const resourceAttributes = { namespace, verb: 'list', resource: 'configmaps', version: 'v1' };
    const ask = async (): Promise<boolean[]> => {
      const spec = { resourceAttributes, user, groups };
      const wide = await cluster.post('/apis/authorization.k8s.io/v1/subjectaccessreviews', { spec });
      const local = await cluster.post(
        `/apis/authorization.k8s.io/v1/namespaces/${namespace}/localsubjectaccessreviews`,
        { metadata: { namespace }, spec },
      );
      return [wide.status.allowed, local.status.allowed];
    };
    expect(await ask()).toEqual([false, false]);
    expect(await asAccount()).toBe(403);
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
    await cluster.post(`/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`, {
      metadata: { name: 'view' },
      subjects: [{ kind: 'ServiceAccount', name: 'e2e', namespace }],
      roleRef,
    });
    await eventually('the reviews to allow it', async () => (await ask()).every(Boolean));
    expect(await asAccount()).toBe(200);
  });
});
