/** What plugins have in common: which request they look at, and how they refuse it (apiserver `pkg/admission/errors.go`). */
import * as errors from '../../api/machinery/errors.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import type { AdmissionAttributes } from './admission.ts';

/** `pods "web" is forbidden: CAUSE` */
export function refuse({ resource, name, object, oldObject }: AdmissionAttributes, cause: string): never {
  const { name: own, generateName } = (object ?? oldObject)?.metadata ?? {};
  const shown = name || own || generateName || '';
  throw errors.forbiddenError({ group: resource.group, resource: resource.names.plural }, shown, cause);
}

/** Whether a resource is the one of that group and plural. */
export function isKind(resource: Resource, plural: string, group = ''): boolean {
  return resource.names.plural === plural && resource.group === group;
}

/** A POST of an object of that kind itself, not of a part of it. */
export function isCreationOf({ operation, resource, subresource }: AdmissionAttributes, plural: string): boolean {
  return operation === 'CREATE' && subresource === '' && isKind(resource, plural);
}
