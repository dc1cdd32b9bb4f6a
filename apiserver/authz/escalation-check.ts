/**
 * Refuses roles and bindings that would give more than their author has. Runs after mutating admission, on the object
 * as it will be stored (upstream `pkg/registry/rbac/{role,clusterrole,rolebinding,clusterrolebinding}/policybased`).
 */
import { deepEqual } from '../../api/machinery/equality.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { ClusterRole } from '../../api/rbac/v1/cluster-role.ts';
import type { BindingContent } from '../../api/rbac/v1/validation.ts';
import { RBAC_GROUP } from '../../api/rbac/v1/validation.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../admission/admission.ts';
import type { Authorizer } from './authorizer.ts';
import { FULL_AUTHORITY, confirmNoEscalation } from './escalation.ts';
import type { Rbac } from './rbac.ts';
import { isSuperuser } from './superuser.ts';

type Binding = ApiObject & BindingContent;

/** `authorize` is the whole chain of authorizers: any of them may give the verbs `escalate` and `bind`. */
export function rbacEscalationCheck({ rbac, authorize }: { rbac: Rbac; authorize: Authorizer }): AdmissionPlugin {
  return {
    name: 'RBACEscalationCheck',
    validate(attributes) {
      const { operation, resource, subresource, user, object, oldObject } = attributes;
      if (resource.group !== RBAC_GROUP || subresource !== '' || object === undefined) return;
      if ((operation !== 'CREATE' && operation !== 'UPDATE') || isSuperuser(user)) return;
      if (oldObject !== undefined && changesOnlyCollectorFields(object, oldObject)) return;
      const isBinding = resource.names.plural === 'rolebindings' || resource.names.plural === 'clusterrolebindings';
      if (isBinding) checkBinding(attributes, object as Binding, { rbac, authorize });
      else checkRole(attributes, { rbac, authorize });
    },
  };
}

/** The garbage collector takes finalizers and owners off objects without holding what they grant. */
function changesOnlyCollectorFields(next: ApiObject, previous: ApiObject): boolean {
  const reduced = (object: ApiObject): unknown => {
    const { ownerReferences: _owners, finalizers: _finalizers, ...others } = object.metadata;
    const { managedFields: _managed, resourceVersion: _version, ...metadata } = others;
    return { ...object, metadata };
  };
  const changesOwners = !deepEqual(next.metadata.ownerReferences, previous.metadata.ownerReferences);
  const changesFinalizers = !deepEqual(next.metadata.finalizers, previous.metadata.finalizers);
  return (changesOwners || changesFinalizers) && deepEqual(reduced(next), reduced(previous));
}

function checkRole(attributes: AdmissionAttributes, { rbac, authorize }: { rbac: Rbac; authorize: Authorizer }): void {
  const { user, namespace } = attributes;
  const role = attributes.object as ClusterRole;
  const previous = attributes.oldObject as ClusterRole | undefined;
  if (mayEscalate(attributes, authorize)) return;
  const isSame =
    previous !== undefined &&
    deepEqual(role.rules ?? [], previous.rules ?? []) &&
    deepEqual(role.aggregationRule, previous.aggregationRule);
  if (isSame) return;
  const held = rbac.rulesFor(user, namespace);
  const aggregates = role.aggregationRule !== undefined || previous?.aggregationRule !== undefined;
  if (aggregates && confirmNoEscalation(user, held, FULL_AUTHORITY) !== undefined) {
    refuse(attributes, 'must have cluster-admin privileges to use the aggregationRule');
  }
  const reason = confirmNoEscalation(user, held, role.rules ?? []);
  if (reason !== undefined) refuse(attributes, reason);
}

function mayEscalate(
  { user, namespace, name, operation, resource }: AdmissionAttributes,
  authorize: Authorizer,
): boolean {
  const { decision } = authorize({
    user,
    verb: 'escalate',
    isResourceRequest: true,
    apiGroup: RBAC_GROUP,
    apiVersion: '*',
    namespace,
    resource: resource.names.plural,
    subresource: '',
    // The name of an object to be created is not part of the request.
    name: operation === 'CREATE' ? '' : name,
    path: '',
  });
  return decision === 'allow';
}

function checkBinding(
  attributes: AdmissionAttributes,
  { roleRef }: Binding,
  { rbac, authorize }: { rbac: Rbac; authorize: Authorizer },
): void {
  const { user, namespace } = attributes;
  const resource = roleRef.kind === 'Role' ? 'roles' : 'clusterroles';
  const bind = { user, verb: 'bind', isResourceRequest: true, apiGroup: RBAC_GROUP, apiVersion: '*', namespace };
  if (authorize({ ...bind, resource, subresource: '', name: roleRef.name, path: '' }).decision === 'allow') return;
  const rules = rbac.rulesOfRole(roleRef, namespace);
  // Only who may bind any role may name one that does not exist yet.
  if (rules === undefined) throw errors.notFound({ group: RBAC_GROUP, resource: resource.slice(0, -1) }, roleRef.name);
  const reason = confirmNoEscalation(user, rbac.rulesFor(user, namespace), rules);
  if (reason !== undefined) refuse(attributes, reason);
}

function refuse({ resource, object }: AdmissionAttributes, reason: string): never {
  throw errors.forbiddenError(
    { group: RBAC_GROUP, resource: resource.names.plural },
    object?.metadata.name ?? '',
    reason,
  );
}
