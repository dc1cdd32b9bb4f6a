/**
 * Who makes a policy read parameters must be allowed to read them, as the policy may tell what they hold (upstream
 * `pkg/registry/admissionregistration/validatingadmissionpolicy/authz.go`, `…binding/authz.go`).
 */
import { ADMISSION_GROUP } from '../../../api/admissionregistration/v1/group.ts';
import type { BindingSpec, ParamKind, PolicySpec } from '../../../api/admissionregistration/v1/policy-validation.ts';
import { deepEqual } from '../../../api/machinery/equality.ts';
import { invalidObject } from '../../../api/machinery/errors.ts';
import { fieldPath, forbidden } from '../../../api/machinery/field-error.ts';
import type { Listers } from '../../../api/machinery/handler.ts';
import type { ApiObject } from '../../../api/machinery/meta.ts';
import type { Attributes, Authorizer } from '../../authz/authorizer.ts';
import { isSuperuser } from '../../authz/superuser.ts';
import type { ServedKind } from '../../registry/served-kind.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts';

export interface ParamAuthorizationOptions {
  listers: Listers;
  authorize: Authorizer;
  kinds(): readonly ServedKind[];
}

type Policy = ApiObject & { spec: PolicySpec };
type Binding = ApiObject & { spec: BindingSpec };

export function paramAuthorization(options: ParamAuthorizationOptions): AdmissionPlugin {
  return {
    name: 'PolicyParamAuthorization',
    validate(attributes) {
      const { resource, operation, subresource, user, object } = attributes;
      if (resource.group !== ADMISSION_GROUP || subresource !== '' || object === undefined) return;
      if ((operation !== 'CREATE' && operation !== 'UPDATE') || isSuperuser(user)) return;
      const { plural } = resource.names;
      if (plural.endsWith('policies')) checkPolicy(attributes, options);
      else if (plural.endsWith('policybindings')) checkBinding(attributes, options);
    },
  };
}

function checkPolicy(attributes: AdmissionAttributes, { authorize, kinds }: ParamAuthorizationOptions): void {
  const { paramKind } = (attributes.object as Policy).spec;
  const before = attributes.oldObject as Policy | undefined;
  if (!paramKind || (before !== undefined && deepEqual(before.spec.paramKind, paramKind))) return;
  const asked = { verb: 'get', namespace: '*', name: '*', ...resourceOf(paramKind, kinds()) };
  if (mayDo(attributes, asked, authorize)) return;
  const about = `(kind=${paramKind.kind ?? ''}, apiVersion=${paramKind.apiVersion ?? ''})`;
  const cause = `must have "get" permission on all objects of the referenced paramKind ${about}`;
  refuse(attributes, 'paramKind', cause);
}

function checkBinding(attributes: AdmissionAttributes, options: ParamAuthorizationOptions): void {
  const { spec } = attributes.object as Binding;
  const before = (attributes.oldObject as Binding | undefined)?.spec;
  const { paramRef, policyName } = spec;
  if (!paramRef) return;
  if (before !== undefined && before.policyName === policyName && deepEqual(before.paramRef, paramRef)) return;
  const plural = attributes.resource.names.plural.replace(/bindings$/, '').replace(/policy$/, 'policies');
  const policy = options.listers<Policy>({ group: ADMISSION_GROUP, plural }).get('', policyName ?? '');
  const verb = paramRef.name ? 'get' : 'list';
  const place = { namespace: paramRef.namespace || '*', name: paramRef.name || '*' };
  const asked = { verb, ...place, ...resourceOf(policy?.spec.paramKind, options.kinds()) };
  if (mayDo(attributes, asked, options.authorize)) return;
  refuse(attributes, 'paramRef', `does not have "${verb}" permission on the object referenced by paramRef`);
}

/** What is not known stands for everything. */
function resourceOf(
  paramKind: ParamKind | undefined,
  kinds: readonly ServedKind[],
): Pick<Attributes, 'apiGroup' | 'apiVersion' | 'resource'> {
  if (!paramKind) return { apiGroup: '*', apiVersion: '*', resource: '*' };
  const { apiVersion = '', kind = '' } = paramKind;
  const slash = apiVersion.indexOf('/');
  const served = kinds.find((one) => one.apiVersion === apiVersion && one.groupKind.kind === kind);
  return {
    apiGroup: apiVersion.slice(0, Math.max(slash, 0)),
    apiVersion: apiVersion.slice(slash + 1),
    resource: served?.resource.names.plural ?? '*',
  };
}

function mayDo(
  { user }: AdmissionAttributes,
  asked: Pick<Attributes, 'verb' | 'namespace' | 'name' | 'apiGroup' | 'apiVersion' | 'resource'>,
  authorize: Authorizer,
): boolean {
  return authorize({ user, isResourceRequest: true, subresource: '', path: '', ...asked }).decision === 'allow';
}

function refuse({ resource, user, name }: AdmissionAttributes, field: string, cause: string): never {
  const problem = forbidden(fieldPath('spec', field), `user ${user.name} ${cause}`);
  throw invalidObject({ group: resource.group, kind: resource.names.kind }, name, [problem]);
}
