/**
 * APIService: who serves a version of a group (upstream: kube-aggregator `pkg/apis/apiregistration/validation`,
 * `pkg/registry/apiservice`). Those without a Service are this server's own; whether a Service serves its version, a
 * controller finds out.
 */
import type { V1APIService } from '@kubernetes/client-node';
import { fieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import {
  invalidEach,
  isDns1035Label,
  isDns1123Subdomain,
  validatePathSegmentName,
} from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';

export type ApiService = WireObject<V1APIService>;

type Spec = NonNullable<ApiService['spec']>;

const SPEC = fieldPath('spec');
const STATUSES = ['True', 'False', 'Unknown'];
const MAX_GROUP_PRIORITY = 20_000;
const MAX_VERSION_PRIORITY = 1000;

export const apiServices = defineResource<ApiService>({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'apiservices', singular: 'apiservice', kind: 'APIService', categories: ['api-extensions'] },
  schema: 'V1APIService',
  storagePrefix: 'apiregistration.k8s.io/apiservices',
  subresources: { status: {} },
  additionalPrinterColumns: [
    {
      name: 'Service',
      type: 'string',
      description: 'Service that serves the version',
      cell: ({ spec }) => (spec?.service ? `${spec.service.namespace ?? ''}/${spec.service.name ?? ''}` : 'Local'),
    },
    { name: 'Available', type: 'string', description: 'Whether it is served', cell: availableCell },
    ageColumn(),
  ],
  strategy: {
    default({ spec }) {
      if (spec?.service) spec.service.port ??= 443;
    },
    prepareForCreate(object, { nowMs }) {
      object.status = object.spec?.service ? {} : { conditions: [localCondition(nowMs)] };
    },
    validateName: validatePathSegmentName,
    validate: validateApiService,
    status: {
      keptMetadata: ['labels', 'annotations', 'finalizers', 'ownerReferences'],
      validateUpdate: validateStatus,
    },
    // Upstream keeps none.
    hasGeneration: false,
  },
});

/** `NewLocalAvailableAPIServiceCondition` */
function localCondition(nowMs: number) {
  return {
    type: 'Available',
    status: 'True',
    lastTransitionTime: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
    reason: 'Local',
    message: 'Local APIServices are always available',
  };
}

function availableCell({ status }: ApiService): string {
  const condition = status?.conditions?.find(({ type }) => type === 'Available');
  if (condition === undefined) return 'Unknown';
  if (condition.status === 'True' || !condition.reason) return condition.status ?? 'Unknown';
  return `${condition.status} (${condition.reason})`;
}

function validateApiService(object: ApiService): FieldError[] {
  const spec = object.spec ?? ({} as Spec);
  return [...validateNames(object.metadata.name ?? '', spec), ...validatePriorities(spec), ...validateService(spec)];
}

function validateNames(name: string, { group = '', version = '' }: Spec): FieldError[] {
  const wanted = `${version}.${group}`;
  const errors: FieldError[] = [];
  if (name !== wanted) {
    const detail = `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`;
    errors.push(invalid(fieldPath('metadata', 'name'), name, detail));
  }
  const groupPath = SPEC.child('group');
  if (group !== '') errors.push(...invalidEach(groupPath, group, isDns1123Subdomain(group)));
  else if (version !== 'v1') {
    errors.push(required(groupPath, 'only v1 may have an empty group and it better be legacy kube'));
  }
  return [...errors, ...invalidEach(SPEC.child('version'), version, isDns1035Label(version))];
}

function validatePriorities({ groupPriorityMinimum = 0, versionPriority = 0 }: Spec): FieldError[] {
  const errors: FieldError[] = [];
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > MAX_GROUP_PRIORITY) {
    const detail = 'must be positive and less than 20000';
    errors.push(invalid(SPEC.child('groupPriorityMinimum'), groupPriorityMinimum, detail));
  }
  if (versionPriority <= 0 || versionPriority > MAX_VERSION_PRIORITY) {
    errors.push(invalid(SPEC.child('versionPriority'), versionPriority, 'must be positive and less than 1000'));
  }
  return errors;
}

function validateService({ service, caBundle = '', insecureSkipTLSVerify = false }: Spec): FieldError[] {
  const insecurePath = SPEC.child('insecureSkipTLSVerify');
  const errors: FieldError[] = [];
  if (!service) {
    if (caBundle !== '') {
      const size = `${Buffer.byteLength(caBundle, 'base64')} bytes`;
      errors.push(invalid(SPEC.child('caBundle'), size, 'local APIServices may not have a caBundle'));
    }
    if (insecureSkipTLSVerify) {
      errors.push(invalid(insecurePath, true, 'local APIServices may not have insecureSkipTLSVerify'));
    }
    return errors;
  }
  if (!service.namespace) errors.push(required(SPEC.child('service', 'namespace')));
  if (!service.name) errors.push(required(SPEC.child('service', 'name')));
  if (insecureSkipTLSVerify && caBundle !== '') {
    errors.push(invalid(insecurePath, true, 'may not be true if caBundle is present'));
  }
  return errors;
}

function validateStatus({ status }: ApiService): FieldError[] {
  const path = fieldPath('status', 'conditions');
  return (status?.conditions ?? []).flatMap((condition, i) =>
    STATUSES.includes(condition.status)
      ? []
      : [notSupported(path.index(i).child('status'), condition.status ?? '', STATUSES)],
  );
}
