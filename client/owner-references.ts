/** Owner references (apimachinery `metav1.GetControllerOf`, `NewControllerRef`). */
import type { ApiObject, OwnerReference } from '../api/machinery/meta.ts';
import type { ResourceRef } from './client.ts';

/** The reference whose owner manages the object; at most one has `controller: true`. */
export function controllerOf(object: ApiObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true);
}

export function isControlledBy(object: ApiObject, owner: ApiObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

export function apiVersionOfRef({ group, version }: Pick<ResourceRef, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

export function newControllerRef(owner: ApiObject, resource: ResourceRef): OwnerReference {
  return {
    apiVersion: apiVersionOfRef(resource),
    kind: resource.names.kind,
    name: owner.metadata.name!,
    uid: owner.metadata.uid!,
    controller: true,
    blockOwnerDeletion: true,
  };
}
