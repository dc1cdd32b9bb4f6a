import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { startTestServer } from '../apiserver/testing.ts';
import { clusterRoleAggregation } from './cluster-role-aggregation.ts';
import { eventually, runControllers } from './testing.ts';

const ROLES = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
const MERGE = 'application/merge-patch+json';

type Role = ApiObject & { rules?: { resources?: string[] }[] | null };

let server: TestServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  server = await startTestServer();
  stop = runControllers(server.api.handler, [clusterRoleAggregation]);
});
afterAll(async () => {
  await stop();
  await server.close();
});

const rule = (resource: string): object => ({ apiGroups: [''], resources: [resource], verbs: ['get'] });
const make = (name: string, label: string | undefined, rest: object): Promise<unknown> =>
  server.call('POST', ROLES, {
    metadata: { name, ...(label === undefined ? {} : { labels: { [label]: 'true' } }) },
    rules: [],
    ...rest,
  });
const selecting = (label: string): object => ({
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [label]: 'true' } }] },
});
const resourcesOf = ({ rules }: Role): string[] => (rules ?? []).flatMap(({ resources = [] }) => resources);
const become = (name: string, ...resources: string[]): Promise<true> =>
  eventually(async () => {
    const role = await server.call<Role>('GET', `${ROLES}/${name}`);
    return JSON.stringify(resourcesOf(role)) === JSON.stringify(resources) ? true : undefined;
  });

it('gathers rules in the order of names, each once, and follows them', async () => {
  await make('z', 'to-sum', { rules: [rule('pods'), rule('secrets')] });
  await make('sum', undefined, selecting('to-sum'));
  await become('sum', 'pods', 'secrets');
  await make('a', 'to-sum', { rules: [rule('nodes'), rule('pods')] });
  await become('sum', 'nodes', 'pods', 'secrets');
  await server.call('DELETE', `${ROLES}/z`);
  await become('sum', 'nodes', 'pods');
  await server.send('PATCH', `${ROLES}/a`, { body: { metadata: { labels: null } }, contentType: MERGE });
  await become('sum');
  const { metadata } = await server.call<Role>('GET', `${ROLES}/sum`);
  expect(metadata.managedFields?.find(({ operation }) => operation === 'Apply')).toMatchObject({
    manager: 'clusterrole-aggregation-controller',
    fieldsV1: { 'f:rules': {} },
  });
});

it('puts back what somebody wrote into an aggregated role, and gathers through others', async () => {
  await make('part', 'to-middle', { rules: [rule('pods')] });
  await make('middle', 'to-top', selecting('to-middle'));
  await make('top', undefined, selecting('to-top'));
  await become('top', 'pods');
  await server.send('PATCH', `${ROLES}/top`, { body: { rules: [rule('secrets')] }, contentType: MERGE });
  await become('top', 'pods');
});
