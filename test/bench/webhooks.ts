/**
 * What admission that users write costs a write: creates of ConfigMaps in this process over storage in memory, one after
 * the other, without webhooks, with ones that want something else, with one that is asked, and with a policy.
 */
import type { TestWebhook } from '../../apiserver/admission/webhook/testing.ts';
import { startWebhook } from '../../apiserver/admission/webhook/testing.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import type { BenchLine } from './bench-line.ts';

const GROUP = '/apis/admissionregistration.k8s.io/v1';
const WARM_UP = 300;
const WRITES = 1_500;
const IDLE_WEBHOOKS = 10;

export async function run(): Promise<BenchLine[]> {
  const server = await startTestServer();
  const webhook = await startWebhook(() => ({ allowed: true }));
  try {
    const without = await writes(server, 'without');
    await addIdle(server, webhook);
    const idle = await writes(server, 'idle');
    await server.call('DELETE', `${GROUP}/validatingwebhookconfigurations/idle`);
    await server.call('DELETE', `${GROUP}/mutatingwebhookconfigurations/idle`);
    await addPolicy(server);
    const policy = await writes(server, 'policy');
    await server.call('DELETE', `${GROUP}/validatingadmissionpolicybindings/bench`);
    await addHook(server, webhook, { name: 'asked', type: 'validating', resources: ['configmaps'] });
    const asked = await writes(server, 'asked');
    return [
      { scenario: 'webhooks', what: 'create of a ConfigMap, no webhooks', value: without, unit: 'ms' },
      added(
        `added by ${IDLE_WEBHOOKS} mutating and ${IDLE_WEBHOOKS} validating webhooks that want other kinds`,
        idle - without,
        5,
      ),
      added('added by a bound ValidatingAdmissionPolicy of three expressions', policy - without),
      added('added by a validating webhook on loopback that is asked', asked - without),
    ];
  } finally {
    await webhook.close();
    await server.close();
  }
}

function added(what: string, value: number, most?: number): BenchLine {
  const target = most === undefined ? {} : { target: `≤ ${most}`, ok: value <= most };
  return { scenario: 'webhooks', what, value, unit: 'ms', ...target };
}

/** Median milliseconds of one write. */
async function writes(server: TestServer, prefix: string): Promise<number> {
  const data = { payload: 'x'.repeat(900) };
  const times: number[] = [];
  for (let i = 0; i < WARM_UP + WRITES; i++) {
    const startedMs = performance.now();
    await server.call('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: `${prefix}-${i}` }, data });
    if (i >= WARM_UP) times.push(performance.now() - startedMs);
  }
  return times.sort((a, b) => a - b)[WRITES / 2]!;
}

async function addIdle(server: TestServer, webhook: TestWebhook): Promise<void> {
  for (const type of ['mutating', 'validating'] as const)
    await addHook(server, webhook, { name: 'idle', type, resources: ['pods', 'deployments'], count: IDLE_WEBHOOKS });
}

interface Hook {
  name: string;
  type: 'mutating' | 'validating';
  resources: string[];
  count?: number;
}

function addHook(
  server: TestServer,
  webhook: TestWebhook,
  { name, type, resources, count = 1 }: Hook,
): Promise<unknown> {
  const webhooks = Array.from({ length: count }, (_, i) => ({
    name: `hook-${i}.example.com`,
    clientConfig: { url: webhook.url, caBundle: webhook.caBundle },
    rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources }],
    namespaceSelector: { matchExpressions: [{ key: 'skip', operator: 'DoesNotExist' }] },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  }));
  return server.call('POST', `${GROUP}/${type}webhookconfigurations`, { metadata: { name }, webhooks });
}

async function addPolicy(server: TestServer): Promise<void> {
  const rule = { operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] };
  await server.call('POST', `${GROUP}/validatingadmissionpolicies`, {
    metadata: { name: 'bench' },
    spec: {
      matchConstraints: { resourceRules: [rule] },
      variables: [{ name: 'size', expression: 'size(object.data)' }],
      validations: [
        { expression: 'variables.size < 100' },
        { expression: "object.metadata.name.matches('^[a-z0-9-]+$')" },
        { expression: "request.operation == 'CREATE'" },
      ],
    },
  });
  const spec = { policyName: 'bench', validationActions: ['Deny'] };
  await server.call('POST', `${GROUP}/validatingadmissionpolicybindings`, { metadata: { name: 'bench' }, spec });
}
