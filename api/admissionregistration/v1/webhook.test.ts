import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import type { WebhookConfiguration } from './webhook.ts';
import { mutatingWebhookConfigurations } from './mutating-webhook-configuration.ts';
import { validatingWebhookConfigurations } from './validating-webhook-configuration.ts';

const kinds = { validating: validatingWebhookConfigurations, mutating: mutatingWebhookConfigurations } as const;
const rule = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] };

/** A right webhook, changed. */
function hook(changes: object = {}): object {
  return {
    name: 'a.example.com',
    clientConfig: { url: 'https://example.com/hook' },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    rules: [rule],
    ...changes,
  };
}

function configuration(...webhooks: object[]): WebhookConfiguration {
  return { metadata: { name: 'c' }, webhooks } as WebhookConfiguration;
}

function problems(kind: keyof typeof kinds, webhook: object): string[] {
  const object = configuration(webhook);
  kinds[kind].strategy.default!(object as never);
  return kinds[kind].strategy.validate!(object as never).map(formatFieldError);
}

describe.each(['validating', 'mutating'] as const)('%s webhook configurations', (kind) => {
  const { strategy } = kinds[kind];

  it('default what a webhook leaves out', () => {
    const object = configuration(hook({ clientConfig: { service: { name: 's', namespace: 'n' } } }));
    strategy.default!(object as never);
    expect(object.webhooks![0]).toMatchObject({
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      objectSelector: {},
      timeoutSeconds: 10,
      rules: [{ scope: '*' }],
      clientConfig: { service: { port: 443 } },
    });
    expect(object.webhooks![0]!.reinvocationPolicy).toBe(kind === 'mutating' ? 'Never' : undefined);
    expect(strategy.validate!(object as never)).toEqual([]);
  });

  it.each<[object, string]>([
    [{ name: '' }, 'webhooks[0].name: Required value'],
    [
      { name: 'k8s.io' },
      'webhooks[0].name: Invalid value: "k8s.io": should be a domain with at least three segments separated by dots',
    ],
    [{ sideEffects: undefined }, 'webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun'],
    [
      { sideEffects: 'Some' },
      'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
    ],
    [{ failurePolicy: 'x' }, 'webhooks[0].failurePolicy: Unsupported value: "x": supported values: "Fail", "Ignore"'],
    [{ matchPolicy: 'x' }, 'webhooks[0].matchPolicy: Unsupported value: "x": supported values: "Equivalent", "Exact"'],
    [
      { timeoutSeconds: 31 },
      'webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds',
    ],
    [{ clientConfig: {} }, 'webhooks[0].clientConfig: Required value: exactly one of url or service is required'],
    [
      { clientConfig: { url: 'http://x' } },
      'webhooks[0].clientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
    ],
    [
      { clientConfig: { url: 'https://u:p@x/' } },
      'webhooks[0].clientConfig.url: Invalid value: "u:p": user information is not permitted in the URL',
    ],
    [
      { clientConfig: { url: 'https://x/?a=b' } },
      'webhooks[0].clientConfig.url: Invalid value: "a=b": query parameters are not permitted in the URL',
    ],
    [
      { clientConfig: { url: 'https:///x' } },
      'webhooks[0].clientConfig.url: Invalid value: "": host must be provided; desired format: https://host[/path]',
    ],
    [
      { clientConfig: { service: { name: 's', namespace: 'n', path: 'abc' } } },
      'webhooks[0].clientConfig.service.path: Invalid value: "abc": must start with a \'/\'',
    ],
    [
      { clientConfig: { service: { name: 's', namespace: 'n', path: '/a//b' } } },
      'webhooks[0].clientConfig.service.path: Invalid value: "/a//b": segment[1] may not be empty',
    ],
    [
      { clientConfig: { service: { name: '', namespace: 'n' } } },
      'webhooks[0].clientConfig.service.name: Required value: service name is required',
    ],
    [
      { admissionReviewVersions: [] },
      'webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1',
    ],
    [
      { admissionReviewVersions: ['v7'] },
      'webhooks[0].admissionReviewVersions: Invalid value: ["v7"]: must include at least one of v1, v1beta1',
    ],
    [
      { admissionReviewVersions: ['v1', 'v1'] },
      'webhooks[0].admissionReviewVersions[1]: Invalid value: "v1": duplicate version',
    ],
    [{ matchConditions: [{ name: 'a' }] }, 'webhooks[0].matchConditions[0].expression: Required value'],
    [{ matchConditions: [{ expression: 'true' }] }, 'webhooks[0].matchConditions[0].name: Required value'],
    [
      {
        matchConditions: [
          { name: 'a', expression: 'true' },
          { name: 'a', expression: 'true' },
        ],
      },
      'webhooks[0].matchConditions[1].name: Duplicate value: "a"',
    ],
    [{ rules: [{ ...rule, operations: [] }] }, 'webhooks[0].rules[0].operations: Required value'],
    [
      { rules: [{ ...rule, operations: ['*', 'CREATE'] }] },
      'webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: if \'*\' is present, must not specify other operations',
    ],
    [
      { rules: [{ ...rule, operations: ['PATCH'] }] },
      'webhooks[0].rules[0].operations[0]: Unsupported value: "PATCH": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
    ],
    [
      { rules: [{ ...rule, apiGroups: ['*', 'apps'] }] },
      'webhooks[0].rules[0].apiGroups: Invalid value: ["*","apps"]: if \'*\' is present, must not specify other API groups',
    ],
    [{ rules: [{ ...rule, apiVersions: [''] }] }, 'webhooks[0].rules[0].apiVersions[0]: Required value'],
    [
      { rules: [{ ...rule, resources: ['pods/*', 'pods/exec'] }] },
      'webhooks[0].rules[0].resources[1]: Invalid value: "pods/exec": if \'pods/*\' is present, must not specify pods/exec',
    ],
    [
      { rules: [{ ...rule, resources: ['*/scale', 'a/scale'] }] },
      'webhooks[0].rules[0].resources[1]: Invalid value: "a/scale": if \'*/scale\' is present, must not specify a/scale',
    ],
    [
      { rules: [{ ...rule, resources: ['*/*', 'pods'] }] },
      'webhooks[0].rules[0].resources: Invalid value: ["*/*","pods"]: if \'*/*\' is present, must not specify other resources',
    ],
    [
      { rules: [{ ...rule, resources: ['*', 'pods'] }] },
      'webhooks[0].rules[0].resources: Invalid value: ["*","pods"]: if \'*\' is present, must not specify other resources without subresources',
    ],
    [
      { rules: [{ ...rule, scope: 'x' }] },
      'webhooks[0].rules[0].scope: Unsupported value: "x": supported values: "*", "Cluster", "Namespaced"',
    ],
  ])('refuse %j', (changes, problem) => {
    expect(problems(kind, hook(changes))).toEqual([problem]);
  });

  it('take what is right', () => {
    expect(problems(kind, hook({ rules: [{ ...rule, resources: ['*', '*/status', 'pods/exec'] }] }))).toEqual([]);
    expect(problems(kind, hook({ clientConfig: { url: 'https://[::1]:8443/a' } }))).toEqual([]);
    expect(problems(kind, hook({ clientConfig: { service: { name: 's', namespace: 'n', path: '/a/b/' } } }))).toEqual(
      [],
    );
  });

  it('refuse one name twice, but keep what was stored so', () => {
    const twice = configuration(hook(), hook());
    strategy.default!(twice as never);
    const found = strategy.validate!(twice as never).map(formatFieldError);
    expect(found).toEqual(['webhooks[1].name: Duplicate value: "a.example.com"']);
    expect(strategy.validateUpdate!(twice as never, twice as never)).toEqual([]);
  });

  it('allow side effects and unknown versions only where they were stored', () => {
    const old = configuration(hook({ sideEffects: 'Some', admissionReviewVersions: ['v7'] }));
    strategy.default!(old as never);
    expect(strategy.validateUpdate!(old as never, old as never)).toEqual([]);
    expect(strategy.validateUpdate!(old as never, configuration(hook()) as never)).toHaveLength(2);
  });

  it('count generations of the webhooks, and need a resourceVersion', () => {
    const previous = { ...configuration(hook()), metadata: { name: 'c', generation: 3 } };
    const same = structuredClone(previous);
    strategy.prepareForUpdate!(same as never, previous as never, {} as never);
    expect(same.metadata.generation).toBe(3);
    const next = { ...configuration(hook({ timeoutSeconds: 1 })), metadata: { name: 'c', generation: 3 } };
    strategy.prepareForUpdate!(next as never, previous as never, {} as never);
    expect(next.metadata.generation).toBe(4);
    expect(strategy).toMatchObject({ allowUnconditionalUpdate: false });
  });

  it('show how many webhooks they have', () => {
    const cell = kinds[kind].additionalPrinterColumns[0]!;
    expect([cell.name, cell.cell(configuration(hook(), hook()) as never, 0)]).toEqual(['Webhooks', 2]);
  });
});

it('only mutating webhooks are called again', () => {
  expect(problems('mutating', hook({ reinvocationPolicy: 'x' }))).toEqual([
    'webhooks[0].reinvocationPolicy: Unsupported value: "x": supported values: "IfNeeded", "Never"',
  ]);
});
