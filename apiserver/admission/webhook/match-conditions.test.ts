/** Match conditions of webhooks against a real server. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestServer } from '../../testing.ts';
import { startTestServer } from '../../testing.ts';
import type { Answer, Json, Review, TestWebhook } from './testing.ts';
import { addWebhook, jsonPatch, startWebhook } from './testing.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';

let api: TestServer;
let webhook: TestWebhook;
let answer: (review: Review) => Answer;

beforeEach(async () => {
  answer = () => ({ allowed: true });
  api = await startTestServer();
  webhook = await startWebhook((review) => answer(review));
});
afterEach(async () => {
  await api?.close();
  await webhook?.close();
});

const create = (name: string, data: object = {}): ReturnType<TestServer['send']> =>
  api.send('POST', MAPS, { body: { metadata: { name }, data } });
const conditions = (...expressions: string[]): { matchConditions: object[] } => ({
  matchConditions: expressions.map((expression, i) => ({ name: `c${i}`, expression })),
});
const asked = (): (string | undefined)[] => webhook.reviews.map(({ request }) => request.name);

describe.each(['validating', 'mutating'] as const)('match conditions of a %s webhook', (type) => {
  const add = (changes: Record<string, unknown>): Promise<void> => addWebhook(api, type, { webhook, changes });

  it('must all hold', async () => {
    await add(conditions("object.metadata.name.startsWith('a')", "!object.metadata.name.endsWith('z')"));
    for (const name of ['ab', 'az', 'b']) await create(name);
    expect(asked()).toEqual(['ab']);
  });

  it('read the request, who asks and what they may', async () => {
    await add(
      conditions(
        "request.operation == 'CREATE' && request.resource.resource == 'configmaps' && request.namespace == 'default'",
        "'system:masters' in request.userInfo.groups && request.userInfo.username == 'admin'",
        "authorizer.requestResource.check('create').allowed() && oldObject == null",
      ),
    );
    await create('a');
    await api.call('DELETE', `${MAPS}/a`);
    expect(asked()).toEqual(['a']);
  });

  it('that fail refuse the request, or leave the webhook out, unless another does not hold', async () => {
    await add(conditions("object.data.none == 'a'"));
    await create('nothing').then(({ status, body }) => {
      expect(status).toBe(403);
      expect((body as Json).message).toBe(
        "configmaps \"nothing\" is forbidden: expression 'object.data.none == 'a'' resulted in error: no such key: data",
      );
    });
    expect(asked()).toEqual([]);
  });

  it('that fail leave out a webhook whose failures are ignored', async () => {
    await add({ ...conditions("object.data.none == 'a'"), failurePolicy: 'Ignore' });
    expect((await create('a')).status).toBe(201);
    expect(asked()).toEqual([]);
  });

  it('do not count when another does not hold', async () => {
    await add(conditions("object.data.none == 'a'", 'false'));
    expect((await create('a')).status).toBe(201);
    expect(asked()).toEqual([]);
  });

  it('of a wrong form are refused with the configuration', async () => {
    await expect(add(conditions('... [] bad expression'))).rejects.toThrow(
      'compilation failed: ERROR: <input>:1:2: Syntax error',
    );
  });
});

it('mutating webhooks see what the ones before have made', async () => {
  answer = ({ path }) =>
    path.startsWith('/a') ? jsonPatch({ op: 'add', path: '/data', value: { a: '1' } }) : { allowed: true };
  await addWebhook(api, 'mutating', { webhook, name: 'a' });
  await addWebhook(api, 'mutating', { webhook, name: 'b', changes: conditions("object.data.?a.orValue('') == '1'") });
  await create('x');
  expect(webhook.reviews.map(({ path }) => path[1])).toEqual(['a', 'b']);
});
