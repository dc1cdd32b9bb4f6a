/** Owner references, read and made (apimachinery `meta/v1/controller_ref.go`). */
import type { ApiObject, OwnerReference } from '../api/machinery/meta.ts';
import { apiVersionOf } from '../api/machinery/resource.ts';
import type { ResourceRef } from './client.ts';

/** The reference to the one controller of an object, if it has one. */
export function controllerOf(object: ApiObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true);
}

export function isControlledBy(object: ApiObject, owner: ApiObject): boolean {
  const uid = controllerOf(object)?.uid;
  return uid !== undefined && uid === owner.metadata.uid;
}

/** A reference that makes `owner`, which is of the kind `resource`, the controller. `owner` has been stored. */
export function newControllerRef(owner: ApiObject, resource: ResourceRef): OwnerReference {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.names.kind,
    name: owner.metadata.name!,
    uid: owner.metadata.uid!,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Whether the reference names an object of this kind, in whatever version. */
export function refersTo(reference: OwnerReference, resource: ResourceRef): boolean {
  const slash = reference.apiVersion.indexOf('/');
  const group = slash < 0 ? '' : reference.apiVersion.slice(0, slash);
  return reference.kind === resource.names.kind && group === resource.group;
}
