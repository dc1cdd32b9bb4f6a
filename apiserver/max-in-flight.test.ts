import { describe, expect, it } from '@jest/globals';
import { withMaxInFlight } from './max-in-flight.ts';
import type { RequestContext } from './request-context.ts';
import { requestInfoOf } from './request-info.ts';
import { textResponse } from './responses.ts';

function context(path: string, groups = ['system:authenticated'], name = 'jane'): RequestContext {
  const { pathname, searchParams } = new URL(path, 'https://host');
  const info = requestInfoOf('GET', pathname, searchParams);
  return { request: {} as RequestContext['request'], info, user: { name, groups }, warnings: new Set() };
}

const node = (path: string): RequestContext => context(path, ['system:nodes'], 'system:node:n1');

describe('withMaxInFlight() [A49]', () => {
  const filter = withMaxInFlight(2);
  const open: (() => void)[] = [];
  const ask = (one: RequestContext): Promise<unknown> =>
    filter(one, () => new Promise((resolve) => open.push(() => resolve(textResponse('ok')))));
  const pods = '/api/v1/namespaces/default/pods';

  it.each([['/api/v1/nodes/n2'], ['/api/v1/nodes'], ['/api/v1/namespaces/default/pods/p']])(
    'counts what a node asks for besides: %s',
    async (path) => {
      const counted = [ask(node(path)), ask(node(path))];
      await expect(ask(node(path))).rejects.toMatchObject({ status: { code: 429 } });
      for (const answer of open.splice(0)) answer();
      await Promise.all(counted);
    },
  );

  it('puts off what comes on top, and takes more when there is room again', async () => {
    const first = ask(context(pods));
    const second = ask(context(pods));
    await expect(ask(context(pods))).rejects.toMatchObject({
      status: { code: 429, details: { retryAfterSeconds: 1 } },
    });
    open.shift()!();
    await first;
    const third = ask(context(pods));
    for (const answer of open.splice(0)) answer();
    await Promise.all([second, third]);
  });

  it.each([
    ['watches', context(`${pods}?watch=true`)],
    ['logs', context(`${pods}/web/log`)],
    ['administrators', context(pods, ['system:masters'])],
    ['probes', context('/readyz')],
    ['single probes', context('/livez/ping')],
    ['the lease of a node', node('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1')],
    ['the status of a node', node('/api/v1/nodes/n1/status')],
  ])('never puts off %s, nor counts them', async (_what, exempt) => {
    const all = Array.from({ length: 5 }, () => ask(exempt));
    const counted = [ask(context(pods)), ask(context(pods))];
    for (const answer of open.splice(0)) answer();
    await Promise.all([...all, ...counted]);
  });
});
