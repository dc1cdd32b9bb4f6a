/** Validating admission policies in a server: what they see, what they say, how they are bound. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestServer } from '../../testing.ts';
import { startTestServer } from '../../testing.ts';

const GROUP = '/apis/admissionregistration.k8s.io/v1';
const MAPS = '/api/v1/namespaces/default/configmaps';
const RULE = { operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] };

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into whatever is answered
type Json = any;

let api: TestServer;
beforeEach(async () => {
  api = await startTestServer();
});
afterEach(() => api?.close());

const addPolicy = (spec: object, name = 'policy'): Promise<unknown> =>
  api.call('POST', `${GROUP}/validatingadmissionpolicies`, {
    metadata: { name },
    spec: { matchConstraints: { resourceRules: [RULE] }, ...spec },
  });
const bind = (spec: object = {}, name = 'binding'): Promise<unknown> =>
  api.call('POST', `${GROUP}/validatingadmissionpolicybindings`, {
    metadata: { name },
    spec: { policyName: 'policy', validationActions: ['Deny'], ...spec },
  });
const create = (name: string, data: object = {}, url = MAPS): ReturnType<TestServer['send']> =>
  api.send('POST', url, { body: { metadata: { name }, data } });
const messageOf = async (name: string, data: object = {}): Promise<string> =>
  ((await create(name, data)).body as Json).message;
const denied = (name: string, message: string): string =>
  `configmaps "${name}" is forbidden: ValidatingAdmissionPolicy 'policy' with binding 'binding' denied request: ${message}`;

describe('a policy', () => {
  it('refuses what its validations do not hold for, once it is bound', async () => {
    await addPolicy({ validations: [{ expression: "object.metadata.name != 'bad'", message: 'no bad names' }] });
    expect((await create('bad')).status).toBe(201);
    await api.call('DELETE', `${MAPS}/bad`);
    await bind();
    const { status, body } = await create('bad');
    expect(status).toBe(422);
    expect(body).toMatchObject({
      reason: 'Invalid',
      code: 422,
      message: denied('bad', 'no bad names'),
      details: {
        name: 'bad',
        kind: 'configmaps',
        causes: [{ message: "ValidatingAdmissionPolicy 'policy' with binding 'binding' denied request: no bad names" }],
      },
    });
    expect((await create('good')).status).toBe(201);
    await api.call('DELETE', `${GROUP}/validatingadmissionpolicybindings/binding`);
    expect((await create('bad')).status).toBe(201);
  });

  it.each<[object, number, string]>([
    [{ expression: 'false' }, 422, 'failed expression: false'],
    [
      { expression: 'false', message: 'fixed', messageExpression: "'computed ' + object.metadata.name" },
      422,
      'computed x',
    ],
    [{ expression: 'false', message: 'fixed', messageExpression: 'string(object.none)' }, 422, 'fixed'],
    [{ expression: 'false', message: 'fixed', messageExpression: "''" }, 422, 'fixed'],
    [{ expression: 'false', message: 'm', reason: 'Forbidden' }, 403, 'm'],
    [{ expression: 'false', message: 'm', reason: 'RequestEntityTooLarge' }, 413, 'm'],
    [{ expression: "object.none == 'a'" }, 422, "expression 'object.none == 'a'' resulted in error: no such key: none"],
  ])('says for %j %i and %s', async (validation, code, message) => {
    await addPolicy({ validations: [validation] });
    await bind();
    const { status, body } = await create('x');
    expect({ status, message: (body as Json).message }).toEqual({ status: code, message: denied('x', message) });
  });

  it('lets through what cannot be evaluated when its failures are ignored', async () => {
    await addPolicy({ validations: [{ expression: "object.none == 'a'" }], failurePolicy: 'Ignore' });
    await bind();
    expect((await create('x')).status).toBe(201);
  });

  it('reads the object before, the request, the namespace and what the user may', async () => {
    await api.call('POST', '/api/v1/namespaces', { metadata: { name: 'other', labels: { level: 'high' } } });
    await addPolicy({
      validations: [
        { expression: "request.operation != 'UPDATE' || oldObject.data.k == object.data.k", message: 'k is immutable' },
        {
          expression: "!has(namespaceObject.metadata.labels.level) || namespaceObject.metadata.labels.level != 'high'",
          message: 'high',
        },
        { expression: "authorizer.group('').resource('pods').namespace('default').check('list').allowed()" },
        { expression: "request.userInfo.username == 'admin'" },
      ],
    });
    await bind();
    await create('a', { k: '1' });
    const update = await api.send('PUT', `${MAPS}/a`, { body: { metadata: { name: 'a' }, data: { k: '2' } } });
    expect((update.body as Json).message).toBe(denied('a', 'k is immutable'));
    const other = await create('a', {}, '/api/v1/namespaces/other/configmaps');
    expect((other.body as Json).message).toBe(denied('a', 'high'));
  });

  it('computes variables from each other, and only those that are read', async () => {
    await addPolicy({
      variables: [
        { name: 'count', expression: 'size(object.data)' },
        { name: 'broken', expression: "object.none == 'a'" },
        { name: 'isSmall', expression: 'variables.count < 2' },
      ],
      validations: [{ expression: 'variables.isSmall', messageExpression: "'has ' + string(variables.count)" }],
    });
    await bind();
    expect((await create('a', { a: '1' })).status).toBe(201);
    expect(await messageOf('b', { a: '1', b: '2' })).toBe(denied('b', 'has 2'));
  });

  it('says which variable failed', async () => {
    await addPolicy({
      variables: [{ name: 'broken', expression: "object.none == 'a'" }],
      validations: [{ expression: 'variables.broken' }],
    });
    await bind();
    expect(await messageOf('a')).toContain('composited variable "broken" fails to evaluate');
  });

  it('applies where its conditions hold', async () => {
    await addPolicy({
      matchConditions: [{ name: 'c', expression: "object.metadata.name.startsWith('a')" }],
      validations: [{ expression: 'false' }],
    });
    await bind();
    expect([(await create('a')).status, (await create('b')).status]).toEqual([422, 201]);
  });

  it('applies to what it matches and to what its binding matches', async () => {
    await api.call('POST', '/api/v1/namespaces', { metadata: { name: 'other', labels: { a: 'b' } } });
    await addPolicy({
      matchConstraints: {
        resourceRules: [RULE],
        excludeResourceRules: [{ ...RULE, resourceNames: ['free'] }],
        objectSelector: { matchExpressions: [{ key: 'skip', operator: 'DoesNotExist' }] },
      },
      validations: [{ expression: 'false' }],
    });
    await bind({ matchResources: { namespaceSelector: { matchLabels: { a: 'b' } } } });
    const other = '/api/v1/namespaces/other/configmaps';
    expect((await create('a')).status).toBe(201);
    expect((await create('a', {}, other)).status).toBe(422);
    expect((await create('free', {}, other)).status).toBe(201);
    expect((await api.send('POST', other, { body: { metadata: { name: 's', labels: { skip: '1' } } } })).status).toBe(
      201,
    );
  });

  it('stops at the end of its budget', async () => {
    const nested = "object.data.all(a, object.data.all(b, object.data.all(c, a + b + c != 'x')))";
    await addPolicy({ validations: [{ expression: nested }] });
    await bind();
    const data = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, 'v']));
    expect(await messageOf('a', data)).toContain('cost limit exceeded');
  });

  it('never stands in its own way', async () => {
    await addPolicy({
      matchConstraints: { resourceRules: [{ ...RULE, apiGroups: ['*'], resources: ['*'] }] },
      validations: [{ expression: 'false' }],
    });
    await bind();
    await api.call('DELETE', `${GROUP}/validatingadmissionpolicies/policy`);
    expect((await create('a')).status).toBe(201);
  });
});

describe('validation actions', () => {
  it('warn', async () => {
    await addPolicy({ validations: [{ expression: 'false', message: 'mind this' }] });
    await bind({ validationActions: ['Warn', 'Audit'] });
    const { status, headers } = await create('a');
    expect(status).toBe(201);
    expect(headers['warning']).toEqual([
      `299 - "Validation failed for ValidatingAdmissionPolicy 'policy' with binding 'binding': mind this"`,
    ]);
  });
});

describe('parameters', () => {
  const spec = {
    paramKind: { apiVersion: 'v1', kind: 'Secret' },
    validations: [{ expression: 'object.metadata.name == params.metadata.labels.allowed', message: 'other name' }],
  };
  const addParam = (name: string, allowed: string, labels: object = {}): Promise<unknown> =>
    api.call('POST', '/api/v1/namespaces/default/secrets', { metadata: { name, labels: { allowed, ...labels } } });

  it('come by name, from the namespace of the request or of the reference', async () => {
    await addParam('p', 'yes');
    await addPolicy(spec);
    await bind({ paramRef: { name: 'p', parameterNotFoundAction: 'Deny' } });
    expect((await create('yes')).status).toBe(201);
    expect(await messageOf('no')).toBe(denied('no', 'other name'));
  });

  it('come by selector, and all must be satisfied', async () => {
    await addParam('p', 'yes', { set: '1' });
    await addPolicy(spec);
    await bind({
      paramRef: { selector: { matchLabels: { set: '1' } }, namespace: 'default', parameterNotFoundAction: 'Deny' },
    });
    expect((await create('yes')).status).toBe(201);
    await addParam('q', 'no', { set: '1' });
    expect((await create('other')).status).toBe(422);
    expect((await create('no')).status).toBe(422);
  });

  it('that are missing refuse the request or let it through', async () => {
    await addPolicy(spec);
    await bind({ paramRef: { name: 'none', parameterNotFoundAction: 'Deny' } });
    expect(await messageOf('a')).toBe(
      denied(
        'a',
        'failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction',
      ),
    );
    await api.call('DELETE', `${GROUP}/validatingadmissionpolicybindings/binding`);
    await bind({ paramRef: { name: 'none', parameterNotFoundAction: 'Allow' } });
    expect((await create('a')).status).toBe(201);
  });

  it('of an unknown kind are a problem of the binding', async () => {
    await addPolicy({ ...spec, paramKind: { apiVersion: 'a.example.com/v1', kind: 'None' } });
    await bind({ paramRef: { name: 'p', parameterNotFoundAction: 'Allow' } });
    expect(await messageOf('a')).toBe(
      denied('a', 'failed to configure binding: paramKind kind `a.example.com/v1, Kind=None` not known'),
    );
  });
});
