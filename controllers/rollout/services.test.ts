import { describe, expect, it } from '@jest/globals';
import type { Service } from '../../api/core/v1/service.ts';
import type { CacheReader } from '../../client/controller.ts';
import { lookAtServices, rolloutsOfService } from './services.ts';
import { blueGreen, RolloutModel } from './testing.ts';
import type { Rollout } from './types.ts';
import { HASH_LABEL, MANAGED_BY } from './types.ts';

const service = (name: string, selector: object, annotations: Record<string, string> = {}): Service =>
  ({ metadata: { name, namespace: 'default', annotations }, spec: { selector } }) as Service;

const rollout = (name: string): Rollout => {
  const made = new RolloutModel(blueGreen()).rollout;
  return { ...made, metadata: { ...made.metadata, name } };
};

/** What a controller would read. */
const cache = (services: readonly Service[], rollouts: readonly Rollout[] = []): CacheReader => {
  const lister = ({ names }: { names: { kind: string } }): object => {
    const objects: readonly (Service | Rollout)[] = names.kind === 'Service' ? services : rollouts;
    return {
      get: (_: string, name: string) => objects.find(({ metadata }) => metadata.name === name),
      list: () => objects,
    };
  };
  return { lister, byIndex: () => [] } as unknown as CacheReader;
};

describe('lookAtServices()', () => {
  const preview = service('preview', { app: 'web', [HASH_LABEL]: 'v2' });

  it('gives the version that each leads to', () => {
    const found = lookAtServices(rollout('web'), cache([service('active', { app: 'web' }), preview]));
    expect(found).toEqual({
      selectors: new Map([
        ['active', undefined],
        ['preview', 'v2'],
      ]),
    });
  });

  it.each([
    ['is missing', [preview], 'Service active was not found'],
    [
      'selects other pods',
      [service('active', { app: 'other' }), preview],
      'Service active does not select the pods of the template',
    ],
    [
      'selects all there are',
      [service('active', { [HASH_LABEL]: 'v1' }), preview],
      'Service active has no selector of its own',
    ],
    [
      "is another Rollout's",
      [service('active', { app: 'web' }, { [MANAGED_BY]: 'other' }), preview],
      'Service active belongs to the Rollout other',
    ],
  ])('says when one %s', (_, services, problem) => {
    expect(lookAtServices(rollout('web'), cache(services, [rollout('other')]))).toEqual({ problem });
  });

  it('takes the Service of a Rollout that is gone', () => {
    const services = [service('active', { app: 'web' }, { [MANAGED_BY]: 'other' }), preview];
    expect(lookAtServices(rollout('web'), cache(services)).problem).toBeUndefined();
  });
});

it('knows the Rollouts of a Service', () => {
  const known = cache([], [rollout('web')]);
  expect(rolloutsOfService(service('active', {}), known)).toEqual(['default/web']);
  expect(rolloutsOfService(service('third', {}), known)).toEqual([]);
});
