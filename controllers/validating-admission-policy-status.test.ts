import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ValidatingAdmissionPolicy } from '../api/admissionregistration/v1/validating-admission-policy.ts';
import { resources } from '../api/resources.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { startTestServer } from '../apiserver/testing.ts';
import { eventually, runControllers } from './testing.ts';
import { validatingAdmissionPolicyStatus } from './validating-admission-policy-status.ts';

const POLICIES = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';

let server: TestServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  server = await startTestServer();
  stop = runControllers(server.api.handler, [validatingAdmissionPolicyStatus(resources)]);
});
afterAll(async () => {
  await stop();
  await server.close();
});

const checked = (generation: number): Promise<ValidatingAdmissionPolicy> =>
  eventually(async () => {
    const policy = await server.call<ValidatingAdmissionPolicy>('GET', `${POLICIES}/p`);
    return policy.status?.observedGeneration === generation ? policy : undefined;
  });

it('says what is wrong with the expressions of each version of a policy, and that nothing is', async () => {
  const rule = { operations: ['*'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] };
  const spec = {
    matchConstraints: { resourceRules: [rule] },
    validations: [{ expression: 'object.spec.nothing == 1' }],
  };
  await server.call('POST', POLICIES, { metadata: { name: 'p' }, spec });
  expect((await checked(1)).status?.typeChecking).toEqual({
    expressionWarnings: [
      { fieldRef: 'spec.validations[0].expression', warning: expect.stringContaining("undefined field 'nothing'") },
    ],
  });
  await server.send('PATCH', `${POLICIES}/p`, {
    contentType: 'application/json-patch+json',
    body: [{ op: 'replace', path: '/spec/validations/0/expression', value: 'object.spec.replicas == 1' }],
  });
  const policy = await checked(2);
  expect(policy.status?.typeChecking?.expressionWarnings).toBeUndefined();
});
