/** Webhooks that cannot be asked: what the client reads, the failure policy, connections, and Services. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestServer } from '../../testing.ts';
import { startTestServer } from '../../testing.ts';
import type { Answer, HookChanges, Json, Review, TestWebhook } from './testing.ts';
import { addWebhook, startWebhook } from './testing.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const HEAD = 'Internal error occurred: failed calling webhook "hook.example.com": ';

let api: TestServer;
let webhook: TestWebhook;
let answer: (review: Review) => Answer | Promise<Answer>;

beforeEach(async () => {
  answer = () => ({ allowed: true });
  api = await startTestServer();
  webhook = await startWebhook((review) => answer(review));
});
afterEach(async () => {
  await api?.close();
  await webhook?.close();
});

const add = (changes: HookChanges = {}, type: 'mutating' | 'validating' = 'validating'): Promise<void> =>
  addWebhook(api, type, { webhook, changes });

async function create(name = 'a', url = MAPS): Promise<{ status: number; message: string }> {
  const { status, body } = await api.send('POST', url, { body: { metadata: { name } } });
  return { status, message: (body as Json).message };
}

describe.each(['validating', 'mutating'] as const)('a %s webhook that', (type) => {
  const never = (): Promise<Answer> => new Promise(() => undefined);

  it('does not answer in time fails the request', async () => {
    answer = never;
    await add({ timeoutSeconds: 1 }, type);
    expect(await create()).toEqual({
      status: 500,
      message: `${HEAD}failed to call webhook: Post "${webhook.url}/hook?timeout=1s": context deadline exceeded`,
    });
  });

  it('does not answer in time is left out when its failures are ignored', async () => {
    answer = never;
    await add({ timeoutSeconds: 1, failurePolicy: 'Ignore' }, type);
    expect((await create()).status).toBe(201);
  });

  it('is not there fails the request, or not', async () => {
    const { url } = webhook;
    await webhook.close();
    await add({}, type);
    expect(await create()).toEqual({
      status: 500,
      message: `${HEAD}failed to call webhook: Post "${url}/hook?timeout=10s": dial tcp ${url.slice(8)}: connect: connection refused`,
    });
    expect((await api.send('GET', `${MAPS}/a`)).status).toBe(404);
  });

  it('has side effects cannot take part in a dry run, whatever its failure policy', async () => {
    await addStored(type);
    const { status, body } = await api.send('POST', `${MAPS}?dryRun=All`, { body: { metadata: { name: 'a' } } });
    expect({ status, message: (body as Json).message }).toEqual({
      status: 400,
      message: 'admission webhook "hook.example.com" does not support dry run',
    });
    expect(webhook.reviews).toEqual([]);
    expect((await create()).status).toBe(201);
  });

  /** Nobody may make such a webhook any more; older ones are stored. */
  async function addStored(kind: string): Promise<void> {
    const key = `/registry/${kind}webhookconfigurations/hook`;
    const stored = {
      kind: kind === 'mutating' ? 'MutatingWebhookConfiguration' : 'ValidatingWebhookConfiguration',
      apiVersion: 'admissionregistration.k8s.io/v1',
      metadata: { name: 'hook', uid: 'u' },
      webhooks: [
        {
          name: 'hook.example.com',
          clientConfig: { url: `${webhook.url}/hook`, caBundle: webhook.caBundle },
          rules: [{ operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
          sideEffects: 'Some',
          failurePolicy: 'Ignore',
          admissionReviewVersions: ['v1'],
        },
      ],
    };
    await api.storage.create(key, Buffer.from(JSON.stringify(stored)));
  }
});

describe('the client reads', () => {
  const problem = async (changes: HookChanges = {}): Promise<string> => {
    await add(changes);
    const { status, message } = await create();
    expect(status).toBe(500);
    const head = `${HEAD}failed to call webhook: `;
    expect(message.slice(0, head.length)).toBe(head);
    return message.slice(head.length);
  };

  it('that nobody vouches for the certificate', async () => {
    const url = `${webhook.url}/x`;
    expect(await problem({ clientConfig: { url } })).toBe(
      `Post "${url}?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    );
  });

  it('that the certificate is for another name', async () => {
    const url = `https://localhost:${webhook.port}/x`;
    expect(await problem({ clientConfig: { url, caBundle: webhook.caBundle } })).toBe(
      `Post "${url}?timeout=10s": tls: failed to verify certificate: x509: certificate is valid for 127.0.0.1, not localhost`,
    );
  });

  it.each<[string, (response: Json) => void, string]>([
    ['a 404', (response) => void response.writeHead(404).end('no'), 'the server could not find the requested resource'],
    [
      'a 500',
      (response) => void response.writeHead(500).end('boom'),
      'an error on the server ("boom") has prevented the request from succeeding',
    ],
    [
      'a Status',
      (response) => void response.writeHead(500).end('{"kind":"Status","message":"own words"}'),
      'own words',
    ],
    ['no JSON', (response) => void response.end('<html>'), "couldn't get version/kind; json parse error: "],
    [
      'a redirect',
      (response) => void response.writeHead(302, { location: 'https://127.0.0.1:1/' }).end(),
      'the server responded with the status code 302',
    ],
    ['a closed connection', (response) => void response.destroy(), 'EOF'],
    [
      'more than an answer may have',
      (response) => void response.end(' '.repeat((16 << 20) + 1)),
      'the response body is larger than 16777216 bytes',
    ],
  ])('%s', async (_name, respond, text) => {
    answer = () => respond;
    expect(await problem()).toContain(text);
  });

  it('that an answer did not come to its end in time', async () => {
    answer = () => (response) => void response.write('{"kind":');
    expect(await problem({ timeoutSeconds: 1 })).toContain('context deadline exceeded');
  });
});

describe('connections', () => {
  it('are kept and used again', async () => {
    await add();
    for (let i = 0; i < 5; i++) await create(`a${i}`);
    expect([webhook.reviews.length, webhook.connections()]).toEqual([5, 1]);
  });

  it('that the other side has closed are made anew', async () => {
    answer = () => (response) => {
      response.setHeader('connection', 'close');
      const { uid } = webhook.reviews.at(-1)!.request;
      const review = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response: { uid, allowed: true } };
      response.end(JSON.stringify(review));
    };
    await add();
    for (let i = 0; i < 3; i++) expect((await create(`a${i}`)).status).toBe(201);
    expect(webhook.connections()).toBe(3);
  });
});

describe('a webhook behind a Service', () => {
  const service = { name: 'hooks', namespace: 'default', path: '/validate', port: 8443 };
  const url = 'https://hooks.default.svc:8443/validate?timeout=10s';
  let behind: TestWebhook;

  beforeEach(async () => {
    behind = await startWebhook((review) => answer(review), { dnsNames: ['hooks.default.svc'] });
  });
  afterEach(() => behind.close());

  const addService = (): Promise<unknown> =>
    api.call('POST', '/api/v1/namespaces/default/services', {
      metadata: { name: 'hooks' },
      spec: { clusterIP: 'None', ports: [{ name: 'https', port: 8443, targetPort: behind.port }] },
    });
  const addEndpoints = (name: string, ready: boolean, port = behind.port): Promise<unknown> =>
    api.call('POST', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
      metadata: { name, labels: { 'kubernetes.io/service-name': 'hooks' } },
      addressType: 'IPv4',
      // Loopback is refused in a slice: the store is given what a node's network would have.
      endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready } }],
      ports: [{ name: 'https', port }],
    });
  const addHook = (): Promise<void> => add({ clientConfig: { service, caBundle: behind.caBundle } });

  it('is said to be missing', async () => {
    await addHook();
    const head = `${HEAD}failed to call webhook: Post "${url}": `;
    expect((await create()).message).toBe(`${head}service "hooks" not found`);
    await addService();
    expect((await create()).message).toBe(`${head}no endpoints available for service "hooks"`);
    await addEndpoints('unready', false);
    expect((await create()).message).toBe(`${head}no endpoints available for service "hooks"`);
  });

  it('is reached at a ready endpoint, under the name of the Service', async () => {
    await addHook();
    await addService();
    await addEndpoints('unready', false, 1);
    const slice = {
      kind: 'EndpointSlice',
      apiVersion: 'discovery.k8s.io/v1',
      metadata: { name: 'ready', namespace: 'default', labels: { 'kubernetes.io/service-name': 'hooks' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['127.0.0.1'], conditions: {} }],
      ports: [{ name: 'https', port: behind.port, protocol: 'TCP' }],
    };
    await api.storage.create('/registry/endpointslices/default/ready', Buffer.from(JSON.stringify(slice)));
    expect(await create()).toMatchObject({ status: 201 });
    expect(behind.reviews.map(({ path }) => path)).toEqual(['/validate?timeout=10s']);
  });
});
