import { describe, expect, it } from '@jest/globals';
import type { Endpoints } from '../api/core/v1/endpoints.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { startTestServer } from '../apiserver/testing.ts';
import type { ResourceRef } from '../client/client.ts';
import type { ControllerContext } from '../client/controller.ts';
import { endpointsController } from './endpoints.ts';
import { eventually, runControllers } from './testing.ts';

const spec = { clusterIP: 'None', selector: { app: 'web' } };

describe('endpointsController', () => {
  it('makes Endpoints again that somebody deletes', async () => {
    const server = await startTestServer();
    const stop = runControllers(server.api.handler, [endpointsController]);
    try {
      await server.call('POST', '/api/v1/namespaces/default/services', { metadata: { name: 'web' }, spec });
      const path = '/api/v1/namespaces/default/endpoints/web';
      const uidOtherThan = (uid: string | undefined): Promise<string> =>
        eventually(async () => {
          const { status, body } = await server.send('GET', path);
          const found = status === 200 ? (body as Endpoints).metadata.uid : undefined;
          return found === uid ? undefined : found;
        });
      const uid = await uidOtherThan(undefined);
      await server.call('DELETE', path);
      await uidOtherThan(uid);
    } finally {
      await stop();
      await server.close();
    }
  });

  it('says of Endpoints that have been truncated that they have, while they are', async () => {
    let stored: Endpoints | undefined;
    const write = (_: ResourceRef, object: Endpoints): Promise<Endpoints> => Promise.resolve((stored = object));
    const reconcile = async (count: number): Promise<Endpoints | undefined> => {
      const pods = Array.from({ length: count }, (_, i): Pod => ({
        metadata: { namespace: 'default', name: `web-${i}`, uid: `${i}` },
        spec: { containers: [] },
        status: { podIP: `10.0.0.${i}` },
      }));
      const objects: Record<string, ApiObject | undefined> = {
        services: { metadata: { namespace: 'default', name: 'web' }, spec } as ApiObject,
        endpoints: stored,
      };
      const lister = ({ names }: ResourceRef): object => ({ get: () => objects[names.plural], list: () => pods });
      const context = { lister, client: { create: write, update: write } } as unknown as ControllerContext;
      await endpointsController.reconcile({ namespace: 'default', name: 'web' }, context);
      return stored;
    };
    const annotation = 'endpoints.kubernetes.io/over-capacity';
    const full = await reconcile(1001);
    expect(full!.subsets!.map(({ notReadyAddresses }) => notReadyAddresses!.length)).toEqual([1000]);
    expect(full!.metadata.annotations).toEqual({ [annotation]: 'truncated' });
    expect(await reconcile(1001)).toBe(full);
    stored = { ...full!, metadata: { ...full!.metadata, annotations: { own: 'x', [annotation]: 'truncated' } } };
    expect((await reconcile(1000))!.metadata.annotations).toEqual({ own: 'x' });
    const fits = stored;
    expect(await reconcile(1000)).toBe(fits);
  });
});
