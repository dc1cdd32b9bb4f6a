/** How admission that is written by users changes an object: checked, defaulted and back in the version of the request. */
import { internalServerError } from '../../api/machinery/errors.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { checkStructure } from '../../api/schema/check.ts';
import { apiVersionOf } from '../../api/machinery/resource.ts';
import type { ObjectStructure, Resource } from '../../api/machinery/resource.ts';
import type { SchemaTable } from '../../api/schema/schema.ts';
import { isSameValue } from '../registry/same-value.ts';
import type { AdmissionAttributes, ObjectForm } from './admission.ts';
import type { MatchedResource } from './matching/request-matcher.ts';
import { convert } from './matching/request-matcher.ts';

export class ObjectChanger {
  readonly #schemas: SchemaTable;

  constructor(schemas: SchemaTable) {
    this.#schemas = schemas;
  }

  /**
   * Makes `attributes.object` what `value`, in the version of `matched`, says; takes `value` over. True when that is a
   * change. Throws ApiError for what is no object of the kind.
   */
  async replace(attributes: AdmissionAttributes, matched: MatchedResource, value: unknown): Promise<boolean> {
    const object = attributes.object!;
    const next = this.#checked(attributes, matched, value);
    const isSubresourceForm = attributes.form !== undefined;
    const result =
      matched.isConverted && !isSubresourceForm
        ? await convert(next, { from: matched.resource, to: attributes.resource })
        : next;
    // Who owns which field is for the server to say.
    const { managedFields } = object.metadata;
    if (managedFields === undefined) delete result.metadata.managedFields;
    else result.metadata.managedFields = managedFields;
    if (isSameValue(result, object)) return false;
    for (const key of Object.keys(object)) delete (object as unknown as Record<string, unknown>)[key];
    Object.assign(object, result);
    return true;
  }

  #checked(attributes: AdmissionAttributes, matched: MatchedResource, value: unknown): ApiObject {
    const resource = matched.isConverted ? matched.resource : attributes.resource;
    const { schema, kind, apiVersion } = attributes.form ?? ownForm(resource);
    const refuse = (problem: string): never => {
      throw internalServerError(`the changed object cannot be handled as a ${kind}: ${problem}`);
    };
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse('it is no object');
    const object = value as ApiObject;
    if (object.kind !== kind || object.apiVersion !== apiVersion) {
      const found = `${String(object.apiVersion)}, Kind=${String(object.kind)}`;
      refuse(`unable to convert ${found} to ${apiVersion}, Kind=${kind}`);
    }
    const structure = attributes.form === undefined ? resource.structure : undefined;
    const typeError = this.#typeErrorOf(object, { schema, kind, apiVersion }, structure);
    if (typeError !== undefined) refuse(typeError);
    object.metadata ??= {};
    if (attributes.form === undefined) resource.strategy.default?.(object);
    return object;
  }

  #typeErrorOf(object: ApiObject, form: ObjectForm, structure: ObjectStructure | undefined): string | undefined {
    if (structure !== undefined) return structure.check(object).typeError;
    if (form.schema === '') return undefined;
    return checkStructure({ table: this.#schemas, ...form, object }).typeError;
  }
}

function ownForm(resource: Resource): ObjectForm {
  return { schema: resource.schema, kind: resource.names.kind, apiVersion: apiVersionOf(resource) };
}
