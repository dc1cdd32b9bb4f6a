/**
 * What a new cluster needs before anybody uses it: system namespaces, roles, the Service `kubernetes` and its range,
 * the objects of API priority and fairness, and an APIService for each version that is served.
 */
import { apiServices } from '../api/apiregistration/v1/api-service.ts';
import { localApiServices, MANAGED_ON_START } from '../api/apiregistration/v1/local-api-services.ts';
import { configMaps } from '../api/core/v1/config-map.ts';
import type { ConfigMap } from '../api/core/v1/config-map.ts';
import { endpoints } from '../api/core/v1/endpoints.ts';
import { namespaces } from '../api/core/v1/namespace.ts';
import { services } from '../api/core/v1/service.ts';
import {
  MANDATORY_FLOW_SCHEMAS,
  MANDATORY_PRIORITY_LEVELS,
  SUGGESTED_FLOW_SCHEMAS,
  SUGGESTED_PRIORITY_LEVELS,
} from '../api/flowcontrol/v1/bootstrap.ts';
import { flowSchemas } from '../api/flowcontrol/v1/flow-schema.ts';
import { priorityLevelConfigurations } from '../api/flowcontrol/v1/priority-level-configuration.ts';
import { serviceCidrs } from '../api/networking/v1/service-cidr.ts';
import type { ServiceCidr } from '../api/networking/v1/service-cidr.ts';
import { clusterRoleBindings } from '../api/rbac/v1/cluster-role-binding.ts';
import { clusterRoles } from '../api/rbac/v1/cluster-role.ts';
import { roleBindings } from '../api/rbac/v1/role-binding.ts';
import { roles } from '../api/rbac/v1/role.ts';
import { priorityClasses } from '../api/scheduling/v1/priority-class.ts';
import { resources } from '../api/resources.ts';
import { endpointSlices } from '../api/discovery/v1/endpoint-slice.ts';
import { deepEqual } from '../api/machinery/equality.ts';
import { isAlreadyExists, isNotFound } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { PeerAuthorities } from '../apiserver/http/peer-certificate.ts';
import { AUTHENTICATION_INFO, authenticationInfo } from '../apiserver/authn/authentication-info.ts';
import type { RbacKind, RbacWriter } from '../apiserver/authz/reconcile-bootstrap.ts';
import { reconcileBootstrapRbac } from '../apiserver/authz/reconcile-bootstrap.ts';
import {
  kubernetesEndpoints,
  kubernetesEndpointSlice,
  kubernetesService,
  kubernetesServiceCidr,
  systemNamespaces,
  systemPriorityClasses,
} from '../apiserver/system-objects.ts';
import type { Client, ResourceRef } from '../client/client.ts';

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

export interface Address {
  serviceIp: string;
  serviceCidr?: string;
  host: string | undefined;
  port: number;
  /** Of its clients, told to aggregated servers. */
  authorities?: PeerAuthorities;
}

export async function bootstrap(client: Client, address: Address): Promise<void> {
  await Promise.all(systemNamespaces().map((namespace) => ensure(client, namespaces, namespace)));
  await Promise.all(systemPriorityClasses().map((one) => ensure(client, priorityClasses, one)));
  await reconcileBootstrapRbac(rbacWriter(client));
  await Promise.all([
    ensureFlowControl(client),
    reconcileApiServices(client),
    address.authorities === undefined ? undefined : publishAuthorities(client, address.authorities),
  ]);
  if (address.serviceCidr !== undefined) await ensureServiceCidr(client, address.serviceCidr);
  await ensure(client, services, kubernetesService(address.serviceIp, address.port));
  if (address.host === undefined) return;
  await point(client, endpointSlices, kubernetesEndpointSlice(address.host, address.port));
  await point(client, endpoints, kubernetesEndpoints(address.host, address.port));
}

/** Added to what other servers of the store have written (upstream: `pkg/controlplane/controller/clusterauthenticationtrust`). */
async function publishAuthorities(client: Client, authorities: PeerAuthorities): Promise<void> {
  const object = (known: NonNullable<ConfigMap['data']>): ConfigMap => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...AUTHENTICATION_INFO },
    data: authenticationInfo(authorities, known),
  });
  await ensure(client, configMaps, object({}));
  const found = await client.get<ConfigMap>(configMaps, AUTHENTICATION_INFO);
  const { data } = object(found.data ?? {});
  if (!deepEqual(found.data, data)) await client.update(configMaps, { ...found, data });
}

/** What an administrator has changed since stays (upstream: apiserver `pkg/registry/flowcontrol/ensurer`). */
async function ensureFlowControl(client: Client): Promise<void> {
  const annotations = { 'apf.kubernetes.io/autoupdate-spec': 'true' };
  const annotated = (object: ApiObject): ApiObject => ({ ...object, metadata: { ...object.metadata, annotations } });
  const levels = [...MANDATORY_PRIORITY_LEVELS, ...SUGGESTED_PRIORITY_LEVELS];
  const schemas = [...MANDATORY_FLOW_SCHEMAS, ...SUGGESTED_FLOW_SCHEMAS];
  await Promise.all([
    ...levels.map((object) => ensure(client, priorityLevelConfigurations, annotated(object))),
    ...schemas.map((object) => ensure(client, flowSchemas, annotated(object))),
  ]);
}

/** Makes those that are missing, and removes those of versions that an earlier release served. */
async function reconcileApiServices(client: Client): Promise<void> {
  const wanted = localApiServices(resources);
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  const { items } = await client.list(apiServices, { labelSelector: MANAGED_ON_START });
  const stale = items.filter(({ metadata }) => !names.has(metadata.name));
  await Promise.all([
    ...wanted.map((object) => ensure(client, apiServices, object)),
    ...stale.map(({ metadata }) => client.delete(apiServices, { name: metadata.name! })),
  ]);
}

/** The range that the allocator takes addresses from (upstream: `pkg/controlplane/controller/defaultservicecidr`). */
async function ensureServiceCidr(client: Client, cidr: string): Promise<void> {
  await ensure(client, serviceCidrs, kubernetesServiceCidr(cidr));
  const found = await client.get<ServiceCidr>(serviceCidrs, { name: 'kubernetes' });
  if ((found.status?.conditions ?? []).some(({ type }) => type === 'Ready')) return;
  const condition = {
    type: 'Ready',
    status: 'True',
    reason: 'Allocatable',
    message: 'Kubernetes default Service CIDR is ready',
    lastTransitionTime: found.metadata.creationTimestamp,
  };
  const status = { conditions: [condition] };
  await client.patch(serviceCidrs, { name: 'kubernetes' }, { type: 'merge', body: { status }, subresource: 'status' });
}
