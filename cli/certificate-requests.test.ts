/** Certificate requests in a control plane with all its controllers: from a real request to a user who is let in. */
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
import { createMemoryStorage } from '../apiserver/storage/memory.ts';
import { realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { readCertificate } from '../base/pki-inspect.ts';
import { realRandom } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { eventually } from '../controllers/testing.ts';
import { bootstrap } from './bootstrap.ts';
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
const MINUTE_MS = 60_000;

const dataDir = mkdtempSync(join(tmpdir(), 'nocher-requests-'));
const stopping = new AbortController();
setMaxListeners(0, stopping.signal);
let certificates: Certificates;
let controlPlane: ControlPlane;
let tasks: Task[] = [];
let admin: Client;

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
  const log = silentLogger;
  const extend = serverExtensions({ certificates, serviceCidr: SERVICE_CIDR, nearby: new Map(), log });
  const network = { serviceCidr: SERVICE_CIDR, apiPort: 0 };
  const storage = createMemoryStorage();
  controlPlane = await startControlPlane({ config, folder, storage, certificates, network, log, extend });
  const system = controlPlane.clientFor(apiServerUser, 'test');
  await bootstrap(system, { serviceIp: SERVICE_IP, host: undefined, port: controlPlane.port });
  tasks = startControllers({ controlPlane, ca: certificates.ca, log, signal: stopping.signal });
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

/** One request over a connection that shows this certificate. */
function send(
  path: string,
  { cert, key, body }: { cert: string; key: string; body?: object },
): Promise<{ status: number; body: unknown }> {
  const { port } = controlPlane;
  const options = { host: '127.0.0.1', port, path, cert, key, ca: certificates.ca.certificate, agent: false } as const;
  const method = body === undefined ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const sent = httpsRequest({ ...options, method, headers: { 'content-type': 'application/json' } }, (response) => {
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
