/** What a new cluster needs before anybody uses it: system namespaces, roles, and the Service `kubernetes`. */
import { endpoints } from '../api/core/v1/endpoints.ts';
import { namespaces } from '../api/core/v1/namespace.ts';
import { services } from '../api/core/v1/service.ts';
import { clusterRoleBindings } from '../api/rbac/v1/cluster-role-binding.ts';
import { clusterRoles } from '../api/rbac/v1/cluster-role.ts';
import { roleBindings } from '../api/rbac/v1/role-binding.ts';
import { roles } from '../api/rbac/v1/role.ts';
import { priorityClasses } from '../api/scheduling/v1/priority-class.ts';
import { endpointSlices } from '../api/discovery/v1/endpoint-slice.ts';
import { isAlreadyExists, isNotFound } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { RbacKind, RbacWriter } from '../apiserver/authz/reconcile-bootstrap.ts';
import { reconcileBootstrapRbac } from '../apiserver/authz/reconcile-bootstrap.ts';
import {
  kubernetesEndpoints,
  kubernetesEndpointSlice,
  kubernetesService,
  systemNamespaces,
  systemPriorityClasses,
} from '../apiserver/system-objects.ts';
import type { Client, ResourceRef } from '../client/client.ts';

/** Looks first: creating a Service again is refused for its address, which is taken, before its name is looked at. */
/** Creates what is not there. Reads first: a Service that exists holds the address that its creation would ask for. */
export async function ensure(client: Client, resource: ResourceRef, object: ApiObject): Promise<void> {
  const { namespace = '', name = '' } = object.metadata;
  try {
    await client.get(resource, { namespace, name });
    return;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  try {
    await client.create(resource, object);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** Creates, or brings to the present address, what tells pods where the API server is. */
async function point(client: Client, resource: ResourceRef, object: ApiObject): Promise<void> {
  const { namespace = '', name = '' } = object.metadata;
  try {
    const found = await client.get<ApiObject>(resource, { namespace, name });
    await client.update(resource, {
      ...object,
      metadata: { ...object.metadata, resourceVersion: found.metadata.resourceVersion! },
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await ensure(client, resource, object);
  }
}

const RBAC_RESOURCES: Record<RbacKind, ResourceRef> = {
  ClusterRole: clusterRoles,
  ClusterRoleBinding: clusterRoleBindings,
  Role: roles,
  RoleBinding: roleBindings,
};

function rbacWriter(client: Client): RbacWriter {
  return {
    async get(kind, name) {
      try {
        return await client.get<ApiObject>(RBAC_RESOURCES[kind], name);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    create: (kind, object) => client.create(RBAC_RESOURCES[kind], object),
    update: (kind, object) => client.update(RBAC_RESOURCES[kind], object),
  };
}

export async function bootstrap(
  client: Client,
  address: { serviceIp: string; host: string | undefined; port: number },
): Promise<void> {
  await Promise.all(systemNamespaces().map((namespace) => ensure(client, namespaces, namespace)));
  await Promise.all(systemPriorityClasses().map((one) => ensure(client, priorityClasses, one)));
  await reconcileBootstrapRbac(rbacWriter(client));
  await ensure(client, services, kubernetesService(address.serviceIp, address.port));
  if (address.host === undefined) return;
  await point(client, endpointSlices, kubernetesEndpointSlice(address.host, address.port));
  await point(client, endpoints, kubernetesEndpoints(address.host, address.port));
}
