import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { UserInfo } from '../../../api/machinery/handler.ts';
import type { Attributes } from '../../authz/authorizer.ts';
import type { TestServer } from '../../testing.ts';
import { startTestServer } from '../../testing.ts';

const GROUP = '/apis/admissionregistration.k8s.io/v1';
const jane: UserInfo = { name: 'jane', groups: ['system:authenticated'] };

let api: TestServer;
/** Reads of parameters that jane was asked about. */
let asked: string[];
let mayRead: boolean;

beforeEach(async () => {
  asked = [];
  mayRead = false;
  api = await startTestServer({
    authorize: ({ user, verb, apiGroup, resource, namespace, name }: Attributes) => {
      if (user.name !== 'jane' || apiGroup === 'admissionregistration.k8s.io') return { decision: 'allow', reason: '' };
      asked.push(`${verb} ${resource} ${namespace}/${name}`);
      return { decision: mayRead ? 'allow' : 'no-opinion', reason: '' };
    },
  });
});
afterEach(() => api?.close());

const rule = { operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] };
const policy = {
  metadata: { name: 'p' },
  spec: {
    paramKind: { apiVersion: 'v1', kind: 'Secret' },
    matchConstraints: { resourceRules: [rule] },
    validations: [{ expression: 'params != null' }],
  },
};
const binding = (paramRef: object): object => ({
  metadata: { name: 'b' },
  spec: { policyName: 'p', validationActions: ['Deny'], paramRef: { parameterNotFoundAction: 'Deny', ...paramRef } },
});
const create = (plural: string, body: object, user = jane): ReturnType<TestServer['send']> =>
  api.send('POST', `${GROUP}/${plural}`, { body, user });

it('whoever may not read all parameters makes no policy that does', async () => {
  const { status, body } = await create('validatingadmissionpolicies', policy);
  expect(status).toBe(422);
  expect((body as { message: string }).message).toContain(
    'spec.paramKind: Forbidden: user jane must have "get" permission on all objects of the referenced paramKind (kind=Secret, apiVersion=v1)',
  );
  expect(asked).toEqual(['get secrets */*']);
  mayRead = true;
  expect((await create('validatingadmissionpolicies', policy)).status).toBe(201);
});

it('whoever may not read a parameter binds no policy to it', async () => {
  await api.call('POST', `${GROUP}/validatingadmissionpolicies`, policy);
  const { status, body } = await create('validatingadmissionpolicybindings', binding({ name: 's', namespace: 'n' }));
  expect(status).toBe(422);
  expect((body as { message: string }).message).toContain(
    'spec.paramRef: Forbidden: user jane does not have "get" permission on the object referenced by paramRef',
  );
  await create('validatingadmissionpolicybindings', binding({ selector: {} }));
  expect(asked).toEqual(['get secrets n/s', 'list secrets */*']);
  mayRead = true;
  expect((await create('validatingadmissionpolicybindings', binding({ name: 's' }))).status).toBe(201);
});
