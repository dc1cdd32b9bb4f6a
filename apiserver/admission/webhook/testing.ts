/** Webhooks for tests: a real HTTPS server on loopback with an authority of its own, and configurations that name it. */
import type { AddressInfo } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { json } from 'node:stream/consumers';
import { realClock } from '../../../base/clock.ts';
import type { KeyPair } from '../../../base/pki.ts';
import { createCertificateAuthority, issueCertificate } from '../../../base/pki.ts';
import { realRandom } from '../../../base/random.ts';
import type { TestServer } from '../../testing.ts';

export interface Review {
  apiVersion: string;
  path: string;
  request: {
    uid: string;
    operation: string;
    name?: string;
    namespace?: string;
    kind: Record<string, string>;
    resource: Record<string, string>;
    subResource?: string;
    requestKind: Record<string, string>;
    requestResource: Record<string, string>;
    userInfo: Record<string, unknown>;
    object: Json;
    oldObject: Json;
    dryRun: boolean;
    options: Json;
  };
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into whatever was sent
export type Json = any;

/** What to answer; the uid and the review around it are added. A function writes to the socket itself. */
export type Answer = Record<string, unknown> | ((response: ServerResponse) => void);

export interface TestWebhook {
  /** `https://127.0.0.1:port` */
  url: string;
  port: number;
  /** Base64 of PEM. */
  caBundle: string;
  reviews: Review[];
  /** Connections made so far. */
  connections(): number;
  close(): Promise<void>;
}

export async function startWebhook(
  answer: (review: Review) => Answer | Promise<Answer>,
  names: { dnsNames?: readonly string[]; ipAddresses?: readonly string[] } = { ipAddresses: ['127.0.0.1'] },
): Promise<TestWebhook> {
  const nowMs = realClock.now();
  const issuance = { nowMs, notAfterMs: nowMs + 3_600_000, random: realRandom };
  const ca = await createCertificateAuthority({ commonName: 'webhook-ca', ...issuance });
  const leaf: KeyPair = await issueCertificate({
    commonName: 'webhook',
    ...names,
    ca,
    usages: ['server'],
    ...issuance,
  });
  const reviews: Review[] = [];
  let connections = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const review = { ...((await json(request)) as Review), path: request.url ?? '' };
    reviews.push(review);
    const said = await answer(review);
    if (typeof said === 'function') return said(response);
    const {
      apiVersion,
      request: { uid },
    } = review;
    response.end(JSON.stringify({ kind: 'AdmissionReview', apiVersion, response: { uid, ...said } }));
  };
  const server = createServer({ cert: leaf.certificate, key: leaf.privateKey }, (request, response) => {
    handle(request, response).catch((error: Error) => response.destroy(error));
  });
  server.on('secureConnection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    caBundle: Buffer.from(ca.certificate).toString('base64'),
    reviews,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A patch as a webhook's answer carries it. */
export function jsonPatch(...operations: object[]): Answer {
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') };
}

export interface HookChanges {
  [field: string]: unknown;
}

/** Makes a configuration with one webhook for every write of ConfigMaps, changed. */
export async function addWebhook(
  api: TestServer,
  type: 'mutating' | 'validating',
  { webhook, name = 'hook', changes = {} }: { webhook: TestWebhook; name?: string; changes?: HookChanges },
): Promise<void> {
  await api.call('POST', `/apis/admissionregistration.k8s.io/v1/${type}webhookconfigurations`, {
    metadata: { name },
    webhooks: [
      {
        name: `${name}.example.com`,
        clientConfig: { url: `${webhook.url}/${name}`, caBundle: webhook.caBundle },
        rules: [{ operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        ...changes,
      },
    ],
  });
}
