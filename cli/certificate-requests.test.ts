/**
 * Certificate requests and bootstrap tokens in a control plane with all its controllers: from a real request, or a
 * token, to a user who is let in.
 */
import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { certificateSigningRequests } from '../api/certificates/v1/certificate-signing-request.ts';
import type { MadeRequest } from '../api/certificates/v1/testing.ts';
import { makeRequest } from '../api/certificates/v1/testing.ts';
import type { CertificateSigningRequest } from '../api/certificates/v1/types.ts';
import type { Status } from '../api/machinery/errors.ts';
import type { UserInfo } from '../api/machinery/handler.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { clusterRoleBindings } from '../api/rbac/v1/cluster-role-binding.ts';
import { configMaps } from '../api/core/v1/config-map.ts';
import type { ConfigMap } from '../api/core/v1/config-map.ts';
import type { Secret } from '../api/core/v1/secret.ts';
import { secrets } from '../api/core/v1/secret.ts';
import { serviceAccounts } from '../api/core/v1/service-account.ts';
import { createMemoryStorage } from '../apiserver/storage/memory.ts';
import { realClock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { readCertificate } from '../base/pki-inspect.ts';
import { realRandom } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { detachedSignature } from '../controllers/bootstrap/detached-signature.ts';
import { eventually } from '../controllers/testing.ts';
import { bootstrap } from './bootstrap.ts';
import { publishClusterInfo } from './cluster-info.ts';
import type { Certificates } from './certificates.ts';
import { ensureCertificates } from './certificates.ts';
import { upConfig } from './config.ts';
import type { ControlPlane } from './control-plane.ts';
import { startControlPlane } from './control-plane.ts';
import { openDataFolder } from './data-folder.ts';
import { adminUser, apiServerUser, nodeUser } from './identities.ts';
import { startControllers } from './managers.ts';
import { serverExtensions } from './server-extensions.ts';
import type { Task } from './tasks.ts';

const SERVICE_IP = '10.96.0.1';
const SERVICE_CIDR = '10.96.0.0/16';
const SERVER = 'https://192.0.2.10:6443';
const MINUTE_MS = 60_000;

const dataDir = mkdtempSync(join(tmpdir(), 'nocher-requests-'));
const stopping = new AbortController();
setMaxListeners(0, stopping.signal);
let certificates: Certificates;
let controlPlane: ControlPlane;
let tasks: Task[] = [];
let admin: Client;
/** Everything that was logged. */
const logged: string[] = [];

function recordingLogger(lines: string[]): Logger {
  const record = (message: string, fields?: object): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  return { debug: record, info: record, warn: record, error: record, child: () => recordingLogger(lines) };
}

beforeAll(async () => {
  const config = upConfig({ dataDir, apiPort: '0', runtime: 'none' });
  const folder = openDataFolder(config.dataDir);
  folder.claim();
  const common = { clock: realClock, random: realRandom };
  certificates = await ensureCertificates({
    dataDir: folder.path,
    nodeName: 'here',
    serviceIp: SERVICE_IP,
    hostIps: ['127.0.0.1'],
    ...common,
  });
  const log = recordingLogger(logged);
  const extend = serverExtensions({ certificates, serviceCidr: SERVICE_CIDR, nearby: new Map(), log });
  const network = { serviceCidr: SERVICE_CIDR, apiPort: 0 };
  const storage = createMemoryStorage();
  controlPlane = await startControlPlane({ config, folder, storage, certificates, network, log, extend });
  const system = controlPlane.clientFor(apiServerUser, 'test');
  await bootstrap(system, { serviceIp: SERVICE_IP, host: undefined, port: controlPlane.port });
  await publishClusterInfo(system, { server: SERVER, ca: certificates.ca.certificate });
  tasks = startControllers({
    controlPlane,
    ca: certificates.ca,
    serviceAccountKey: certificates.serviceAccount,
    log,
    signal: stopping.signal,
  });
  admin = controlPlane.clientFor(adminUser, 'test');
}, 60_000);

afterAll(async () => {
  stopping.abort();
  await Promise.all(tasks.map(({ ended }) => ended));
  await controlPlane?.close();
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

interface Wanted {
  name: string;
  request: string;
  signer: string;
  usages: string[];
  user?: UserInfo;
  expirationSeconds?: number;
}

async function ask({ name, request, signer, usages, user = adminUser, expirationSeconds }: Wanted): Promise<void> {
  await controlPlane.clientFor(user, 'test').create<CertificateSigningRequest>(certificateSigningRequests, {
    metadata: { name },
    spec: {
      request,
      signerName: `kubernetes.io/${signer}`,
      usages,
      ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
    },
  } as CertificateSigningRequest);
}

/** As `kubectl certificate approve` does. */
async function approve(name: string): Promise<void> {
  const found = await admin.get<CertificateSigningRequest>(certificateSigningRequests, { name });
  const condition = { type: 'Approved', status: 'True', reason: 'KubectlApprove', message: 'approved' };
  const approved = { ...found, status: { ...found.status, conditions: [condition] } };
  await admin.update<CertificateSigningRequest>(certificateSigningRequests, approved, { subresource: 'approval' });
}

const settled = (name: string): Promise<CertificateSigningRequest> =>
  eventually(async () => {
    const found = await admin.get<CertificateSigningRequest>(certificateSigningRequests, { name });
    const isRefused = found.status?.conditions?.some(({ type }) => type === 'Failed') === true;
    return found.status?.certificate || isRefused ? found : undefined;
  });

const pemOf = ({ status }: CertificateSigningRequest): string =>
  Buffer.from(status?.certificate ?? '', 'base64').toString();

interface Sent {
  cert?: string;
  key?: string;
  token?: string;
  body?: object;
}

/** One request over a connection that shows this certificate, or with this token. */
function send(path: string, { cert, key, token, body }: Sent): Promise<{ status: number; body: unknown }> {
  const { port } = controlPlane;
  const options = { host: '127.0.0.1', port, path, cert, key, ca: certificates.ca.certificate, agent: false } as const;
  const method = body === undefined ? 'GET' : 'POST';
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  return new Promise((resolve, reject) => {
    const sent = httpsRequest({ ...options, method, headers }, (response) => {
      json(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const WHO = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const whoAmI = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {} };

function bind(name: string, role: string, group: string): Promise<ApiObject> {
  return admin.create(clusterRoleBindings, {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group }],
  } as ApiObject);
}

it('lets in whom an approved certificate names, as far as RBAC goes [W14]', async () => {
  const { request, privateKey: key } = await makeRequest('CN=jane, O=staff, O=ops');
  await ask({
    name: 'jane',
    request,
    signer: 'kube-apiserver-client',
    usages: ['client auth'],
    expirationSeconds: 600,
  });
  await approve('jane');
  const signed = await settled('jane');
  expect(signed.status?.conditions?.map(({ type, reason }) => [type, reason])).toEqual([
    ['Approved', 'KubectlApprove'],
  ]);
  const cert = pemOf(signed);
  const { notBeforeMs, notAfterMs } = readCertificate(cert);
  expect(notAfterMs - notBeforeMs).toBe(15 * MINUTE_MS);

  const who = await send(WHO, { cert, key, body: whoAmI });
  expect(who.body).toMatchObject({
    status: { userInfo: { username: 'jane', groups: ['staff', 'ops', 'system:authenticated'] } },
  });
  const refused = await send('/api/v1/namespaces', { cert, key });
  expect(refused.status).toBe(403);
  expect((refused.body as Status).message).toContain('User "jane" cannot list resource "namespaces"');
  await bind('staff', 'view', 'staff');
  await eventually(async () => ((await send('/api/v1/namespaces', { cert, key })).status === 200 ? true : undefined));
}, 120_000);

it('approves what a node asks for itself, and what somebody asks who may', async () => {
  await bind(
    'own-certificates',
    'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
    'system:nodes',
  );
  const node = await makeRequest('CN=system:node:n1, O=system:nodes');
  const kubelet = { signer: 'kube-apiserver-client-kubelet', usages: ['digital signature', 'client auth'] };
  await ask({ name: 'own', request: node.request, user: nodeUser('n1'), ...kubelet });
  const own = await settled('own');
  expect(own.status?.conditions).toMatchObject([
    {
      type: 'Approved',
      reason: 'AutoApproved',
      message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
    },
  ]);
  const who = await send(WHO, { cert: pemOf(own), key: node.privateKey, body: whoAmI });
  expect(who.body).toMatchObject({ status: { userInfo: { username: 'system:node:n1' } } });

  // Nobody may yet: it waits, and is seen to once somebody may.
  const joining: UserInfo = { name: 'joining', groups: ['joiners', 'system:authenticated'] };
  await bind('join', 'system:node-bootstrapper', 'joiners');
  const { request } = await makeRequest('CN=system:node:n2, O=system:nodes');
  await eventually(() =>
    ask({ name: 'other', request, user: joining, ...kubelet }).then(
      () => true,
      () => undefined,
    ),
  );
  await bind('join-approved', 'system:certificates.k8s.io:certificatesigningrequests:nodeclient', 'joiners');
  expect((await settled('other')).status?.conditions).toMatchObject([
    { type: 'Approved', message: 'Auto approving kubelet client certificate after SubjectAccessReview.' },
  ]);
}, 120_000);

it('says why it signs no request that its signer does not sign', async () => {
  const { request } = await makeRequest('CN=system:node:n1, O=system:nodes');
  const usages = ['digital signature', 'server auth'];
  await ask({ name: 'nameless', request, signer: 'kubelet-serving', usages });
  await approve('nameless');
  const { status } = await settled('nameless');
  expect(status?.certificate).toBeUndefined();
  expect(status?.conditions).toMatchObject([
    { type: 'Approved' },
    {
      type: 'Failed',
      status: 'True',
      reason: 'SignerValidationFailure',
      message: 'DNS or IP subjectAltName is required',
    },
  ]);
}, 120_000);

it('signs for servers what lets nobody in', async () => {
  const names = [{ type: 'dns', value: 'n1.example' } as const, { type: 'ip', value: 'fd00::12' } as const];
  const made: MadeRequest = await makeRequest('CN=system:node:n1, O=system:nodes', { names });
  const usages = ['digital signature', 'key encipherment', 'server auth'];
  await ask({ name: 'serving', request: made.request, signer: 'kubelet-serving', usages });
  await approve('serving');
  const cert = pemOf(await settled('serving'));
  expect(readCertificate(cert)).toMatchObject({
    commonName: 'system:node:n1',
    dnsNames: ['n1.example'],
    ipAddresses: ['fd00::12'],
    isAuthority: false,
  });
  const who = await send(WHO, { cert, key: made.privateKey, body: whoAmI });
  expect([who.status, (who.body as Status).message]).toEqual([403, expect.stringContaining('"system:anonymous"')]);
}, 120_000);

it('lets a machine join that has nothing but a bootstrap token [A37] [W14]', async () => {
  const token = { id: 'abc123', secret: '0123456789abcdef' };
  const shown = `${token.id}.${token.secret}`;
  const metadata = { name: `bootstrap-token-${token.id}`, namespace: 'kube-system' };
  const stringData = {
    'token-id': token.id,
    'token-secret': token.secret,
    'usage-bootstrap-authentication': 'true',
    'usage-bootstrap-signing': 'true',
    'auth-extra-groups': 'system:bootstrappers:workers',
  };
  await admin.create(secrets, { metadata, type: 'bootstrap.kubernetes.io/token', stringData } as ApiObject);

  // Anybody may read what the cluster is, and nothing else; the token tells whether it is true.
  const path = '/api/v1/namespaces/kube-public/configmaps';
  const signature = `jws-kubeconfig-${token.id}`;
  const data = await eventually(async () => {
    const { status, body } = await send(`${path}/cluster-info`, {});
    expect(status).toBe(200);
    return (body as ConfigMap).data![signature] === undefined ? undefined : (body as ConfigMap).data!;
  });
  expect(data['kubeconfig']).toContain(`server: ${SERVER}\n`);
  expect(data[signature]).toBe(detachedSignature(data['kubeconfig']!, token));
  expect((await send(path, {})).status).toBe(403);

  // Who shows it may ask for a certificate as a node.
  const who = await eventually(async () => {
    const answer = await send(WHO, { token: shown, body: whoAmI });
    return answer.status === 201 ? answer : undefined;
  });
  const groups = ['system:bootstrappers', 'system:bootstrappers:workers', 'system:authenticated'];
  expect(who.body).toMatchObject({ status: { userInfo: { username: 'system:bootstrap:abc123', groups } } });
  expect((await send(WHO, { token: `${token.id}.0123456789abcdee`, body: whoAmI })).status).toBe(401);
  await bind('workers', 'system:node-bootstrapper', 'system:bootstrappers:workers');
  await bind(
    'workers-approved',
    'system:certificates.k8s.io:certificatesigningrequests:nodeclient',
    'system:bootstrappers:workers',
  );
  const { request, privateKey: key } = await makeRequest('CN=system:node:n3, O=system:nodes');
  const csr = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'n3' },
    spec: {
      request,
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', 'client auth'],
    },
  };
  await eventually(async () => {
    const { status } = await send('/apis/certificates.k8s.io/v1/certificatesigningrequests', {
      token: shown,
      body: csr,
    });
    return status === 201 ? true : undefined;
  });
  const joined = await send(WHO, { cert: pemOf(await settled('n3')), key, body: whoAmI });
  expect(joined.body).toMatchObject({ status: { userInfo: { username: 'system:node:n3' } } });

  // A token whose time is over is gone, and its signature with it.
  const expiration = '2020-01-01T00:00:00Z';
  await admin.patch(secrets, metadata, { type: 'merge', body: { stringData: { expiration } } });
  await eventually(async () => {
    const info = await admin.get<ConfigMap>(configMaps, { namespace: 'kube-public', name: 'cluster-info' });
    return info.data![signature] === undefined ? true : undefined;
  });
  expect((await send(WHO, { token: shown, body: whoAmI })).status).toBe(401);
  expect(logged.filter((line) => line.includes(token.secret))).toEqual([]);
}, 120_000);

it('fills a secret that asks for a token of a service account, which is good while both are there [W14]', async () => {
  const metadata = { namespace: 'default', name: 'robot' };
  await admin.create(serviceAccounts, { metadata } as ApiObject);
  const annotations = { 'kubernetes.io/service-account.name': 'robot' };
  const type = 'kubernetes.io/service-account-token';
  await admin.create(secrets, { metadata: { ...metadata, annotations }, type } as ApiObject);
  const { data = {} } = await eventually(async () => {
    const found = await admin.get<Secret>(secrets, metadata);
    return found.data?.['token'] === undefined ? undefined : found;
  });
  const textOf = (key: string): string => Buffer.from(data[key]!, 'base64').toString();
  expect([textOf('namespace'), textOf('ca.crt')]).toEqual(['default', certificates.ca.certificate]);
  const token = textOf('token');
  const who = await eventually(async () => {
    const answer = await send(WHO, { token, body: whoAmI });
    return answer.status === 201 ? answer : undefined;
  });
  const groups = ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'];
  expect(who.body).toMatchObject({ status: { userInfo: { username: 'system:serviceaccount:default:robot', groups } } });

  await admin.delete(serviceAccounts, metadata);
  const orphan = { metadata: { namespace: 'default', name: 'orphan', annotations }, type } as ApiObject;
  await admin.create(secrets, orphan);
  const isGone = async (name: string): Promise<true | undefined> =>
    admin.get(secrets, { namespace: 'default', name }).then(
      () => undefined,
      () => true,
    );
  await eventually(() => isGone('robot'));
  await eventually(() => isGone('orphan'));
  expect((await send(WHO, { token, body: whoAmI })).status).toBe(401);
  expect(logged.filter((line) => line.includes(token))).toEqual([]);
}, 120_000);
