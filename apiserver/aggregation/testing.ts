/** Aggregated API servers for tests: a real HTTPS server with an authority of its own, and the APIService that names it. */
import type { AddressInfo } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { realClock } from '../../base/clock.ts';
import type { KeyPair } from '../../base/pki.ts';
import { createCertificateAuthority, issueCertificate } from '../../base/pki.ts';
import { realRandom } from '../../base/random.ts';
import type { TestServer } from '../testing.ts';

export type Answering = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface SeenRequest {
  method: string;
  url: string;
  /** By lower-case name. */
  headers: Record<string, string[] | undefined>;
  /** The client certificate's common name. */
  caller: string;
}

export interface TestBackend {
  port: number;
  /** Base64 of PEM. */
  caBundle: string;
  /** Those of users. */
  requests: SeenRequest[];
  /** Those of the aggregator itself, which come when it likes. */
  ownRequests: SeenRequest[];
  server: Server;
  close(): Promise<void>;
}

export interface FrontProxy {
  ca: KeyPair;
  identity: KeyPair;
}

const issuance = (): { nowMs: number; notAfterMs: number; random: typeof realRandom } => {
  const nowMs = realClock.now();
  return { nowMs, notAfterMs: nowMs + 3_600_000, random: realRandom };
};

export async function createFrontProxy(): Promise<FrontProxy> {
  const ca = await createCertificateAuthority({ commonName: 'front-proxy-ca', ...issuance() });
  const order = { commonName: 'front-proxy-client', usages: ['client'] as const, ca };
  return { ca, identity: await issueCertificate({ ...order, ...issuance() }) };
}

const NOT_FOUND: Answering = (_, response) => void response.writeHead(404).end();

/** `discovery` answers the aggregator itself; by default it finds nothing. Takes only callers whom the front proxy's authority vouches for. */
export async function startBackend(
  { ca: frontProxyCa }: FrontProxy,
  answering: Answering,
  { dnsName = 'sample.default.svc', discovery }: { dnsName?: string; discovery?: Answering } = {},
): Promise<TestBackend> {
  const ca = await createCertificateAuthority({ commonName: 'sample-ca', ...issuance() });
  const leaf = await issueCertificate({
    ...{ commonName: 'sample', dnsNames: [dnsName], usages: ['server'] as const, ca },
    ...issuance(),
  });
  const requests: SeenRequest[] = [];
  const ownRequests: SeenRequest[] = [];
  const server = createServer(
    {
      ...{ cert: leaf.certificate, key: leaf.privateKey, ca: frontProxyCa.certificate },
      ...{ requestCert: true, rejectUnauthorized: true },
    },
    (request, response) => {
      const caller = (request.socket as TLSSocket).getPeerCertificate().subject.CN;
      const { method = '', url = '', headersDistinct: headers } = request;
      const isOwn = request.headers['x-remote-user'] === 'system:kube-aggregator';
      (isOwn ? ownRequests : requests).push({ method, url, headers, caller: String(caller) });
      const answer = isOwn ? (discovery ?? NOT_FOUND) : answering;
      Promise.resolve(answer(request, response)).catch((error: Error) => response.destroy(error));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const caBundle = Buffer.from(ca.certificate).toString('base64');
  return { port: (server.address() as AddressInfo).port, caBundle, requests, ownRequests, server, close };
}

export interface Registration {
  group?: string;
  version?: string;
  /** Of the APIService's spec. */
  spec?: Record<string, unknown>;
  /** Reason of the condition; `''`: it is available. */
  unavailable?: string;
}

/** The Service `default/sample`, whose name leads to this machine, and an APIService that names it. */
export async function registerBackend(
  { call, send }: TestServer,
  { port, caBundle }: Pick<TestBackend, 'port' | 'caBundle'>,
  { group = 'wardle.example.com', version = 'v1alpha1', spec = {}, unavailable = '' }: Registration = {},
): Promise<void> {
  const service = { metadata: { name: 'sample' }, spec: { type: 'ExternalName', externalName: 'localhost' } };
  await send('POST', '/api/v1/namespaces/default/services', { body: service });
  const name = `${version}.${group}`;
  const path = '/apis/apiregistration.k8s.io/v1/apiservices';
  await call('POST', path, {
    metadata: { name },
    spec: {
      ...{ group, version, groupPriorityMinimum: 2000, versionPriority: 200, caBundle },
      service: { namespace: 'default', name: 'sample', port },
      ...spec,
    },
  });
  const object = await call<{ status?: unknown }>('GET', `${path}/${name}`);
  const condition = { type: 'Available', status: unavailable === '' ? 'True' : 'False', reason: unavailable };
  await call('PUT', `${path}/${name}/status`, { ...object, status: { conditions: [condition] } });
}

export function answerJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}
