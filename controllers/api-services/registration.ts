/**
 * Keeps a local APIService for each version that a CustomResourceDefinition serves
 * (upstream: `pkg/controlplane/controller/crdregistration`, kube-aggregator `pkg/controllers/autoregister`).
 */
import type { CustomResourceDefinition } from '../../api/apiextensions/v1/types.ts';
import { customResourceDefinitions } from '../../api/apiextensions/v1/custom-resource-definition.ts';
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import { apiServices } from '../../api/apiregistration/v1/api-service.ts';
import { customApiService, isManaged } from '../../api/apiregistration/v1/local-api-services.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../api/machinery/errors.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Client } from '../../client/client.ts';
import { defineController } from '../../client/controller.ts';

const API_SERVICE_INDEX = 'apiService';

export const apiServiceRegistration = defineController<ApiService>({
  name: 'apiservice-registration',
  for: apiServices,
  watches: [{ resource: customResourceDefinitions, map: apiServicesOf }],
  indexes: [{ resource: customResourceDefinitions, name: API_SERVICE_INDEX, fn: apiServicesOf }],
  writes: [apiServices],
  workers: 5,
  async reconcile({ name }, { client, lister, byIndex }) {
    const current = lister<ApiService>(apiServices).get('', name);
    const [definition] = byIndex<CustomResourceDefinition>(customResourceDefinitions, API_SERVICE_INDEX, name);
    const wanted = definition && customApiService(definition.spec.group, name.slice(0, name.indexOf('.')));
    await bringAbout(decide(current, wanted), client);
    return undefined;
  },
});

function apiServicesOf(object: ApiObject): string[] {
  const { group, versions } = (object as CustomResourceDefinition).spec;
  return versions.filter(({ served }) => served).map(({ name }) => `${name}.${group}`);
}

export type Decision =
  { type: 'none' } | { type: 'create' | 'update'; object: ApiService } | { type: 'delete'; object: ApiService };

/** Whoever takes the label off an APIService, or made it before, has it for himself (`checkAPIService`'s table). */
export function decide(current: ApiService | undefined, wanted: ApiService | undefined): Decision {
  if (current === undefined) return wanted === undefined ? { type: 'none' } : { type: 'create', object: wanted };
  if (!isManaged(current)) return { type: 'none' };
  if (wanted === undefined) return { type: 'delete', object: current };
  if (deepEqual(current.spec, wanted.spec)) return { type: 'none' };
  return { type: 'update', object: { ...current, spec: wanted.spec! } };
}

/** Who was faster is seen by the next reconcile, which its write brings. */
async function bringAbout(decision: Decision, client: Client): Promise<void> {
  try {
    if (decision.type === 'create') await client.create(apiServices, decision.object);
    if (decision.type === 'update') await client.update(apiServices, decision.object);
    if (decision.type === 'delete') {
      const { name, uid } = decision.object.metadata;
      await client.delete(apiServices, { name: name! }, { preconditions: { uid: uid! } });
    }
  } catch (error) {
    if (!isAlreadyExists(error) && !isConflict(error) && !isNotFound(error)) throw error;
  }
}
