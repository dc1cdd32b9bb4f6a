/**
 * IngressClass: which controller serves an Ingress (upstream: `pkg/apis/networking/validation`, `ValidateIngressClass`;
 * `pkg/registry/networking/ingressclass`).
 */
import type { V1IngressClass } from '@kubernetes/client-node';
import { fieldPath, forbidden, invalid, notSupported, required, tooLong } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import {
  invalidEach,
  isDns1123Label,
  isDns1123Subdomain,
  regexMessage,
  validateImmutable,
  validatePathSegmentName,
} from '../../machinery/validation.ts';
import { NONE, ageColumn } from '../../table-cells.ts';

export type IngressClass = WireObject<V1IngressClass>;

/** The class of Ingresses that name none (`networking.AnnotationIsDefaultIngressClass`). */
export const IS_DEFAULT_CLASS_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class';

type Parameters = NonNullable<NonNullable<IngressClass['spec']>['parameters']>;

const SPEC = fieldPath('spec');
const MAX_CONTROLLER_LENGTH = 250;
const SCOPES = ['Cluster', 'Namespace'];
/** `validation.httpPathFmt` */
const HTTP_PATH_SOURCE = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const HTTP_PATH = new RegExp(`^${HTTP_PATH_SOURCE}$`);

export const ingressClasses = defineResource<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'ingressclasses', singular: 'ingressclass', kind: 'IngressClass' },
  schema: 'V1IngressClass',
  additionalPrinterColumns: [
    {
      name: 'Controller',
      type: 'string',
      description: 'Controller that serves Ingresses of this class',
      cell: ({ spec }) => spec?.controller ?? '',
    },
    {
      name: 'Parameters',
      type: 'string',
      description: 'Reference to the parameters of the controller',
      cell: ({ spec }) => parametersCell(spec?.parameters),
    },
    ageColumn(),
  ],
  strategy: {
    default({ spec }) {
      if (spec?.parameters) spec.parameters.scope ??= 'Cluster';
    },
    validate: validateIngressClass,
    validateUpdate: (next, previous) => [
      ...validateImmutable(next.spec?.controller ?? '', previous.spec?.controller ?? '', SPEC.child('controller')),
      ...validateIngressClass(next),
    ],
    hasGeneration: true,
  },
});

function parametersCell(parameters: Parameters | undefined): string {
  if (!parameters) return NONE;
  const { apiGroup, kind = '', name = '' } = parameters;
  return `${apiGroup === undefined ? kind : `${kind}.${apiGroup}`}/${name}`;
}

function validateIngressClass({ spec = {} }: IngressClass): FieldError[] {
  const { controller = '', parameters } = spec;
  const errors = validateController(controller, SPEC.child('controller'));
  if (parameters) errors.push(...validateParameters(parameters, SPEC.child('parameters')));
  return errors;
}

function validateController(controller: string, path: FieldPath): FieldError[] {
  if (controller === '') return [required(path)];
  const isTooLong = Buffer.byteLength(controller) > MAX_CONTROLLER_LENGTH;
  const errors = isTooLong ? [tooLong(path, MAX_CONTROLLER_LENGTH)] : [];
  return [...errors, ...isDomainPrefixedPath(controller, path)];
}

/** `validation.IsDomainPrefixedPath` */
function isDomainPrefixedPath(value: string, path: FieldPath): FieldError[] {
  const slash = value.indexOf('/');
  if (slash <= 0 || slash === value.length - 1) {
    return [invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  const host = value.slice(0, slash);
  const rest = value.slice(slash + 1);
  const errors = invalidEach(path, host, isDns1123Subdomain(host));
  if (!HTTP_PATH.test(rest)) errors.push(invalid(path, rest, regexMessage('Invalid path', HTTP_PATH_SOURCE)));
  return errors;
}

/** Group, kind and name of an object elsewhere; empty kinds and names are missing ones. */
export function validateReference(
  { apiGroup, kind = '', name = '' }: { apiGroup?: string; kind?: string; name?: string },
  path: FieldPath,
): FieldError[] {
  const errors =
    apiGroup === undefined ? [] : invalidEach(path.child('apiGroup'), apiGroup, isDns1123Subdomain(apiGroup));
  return [
    ...errors,
    ...validatePathSegment(kind, path.child('kind')),
    ...validatePathSegment(name, path.child('name')),
  ];
}

/** A value that has to be there and to fit into a path. */
export function validatePathSegment(value: string, path: FieldPath): FieldError[] {
  return value === '' ? [required(path)] : invalidEach(path, value, validatePathSegmentName(value, false));
}

function validateParameters(parameters: Parameters, path: FieldPath): FieldError[] {
  const { scope, namespace } = parameters;
  const errors = validateReference(parameters, path);
  if (scope === undefined) return [...errors, required(path.child('scope'))];
  const namespacePath = path.child('namespace');
  if (!SCOPES.includes(scope)) errors.push(notSupported(path.child('scope'), scope, SCOPES));
  if (scope === 'Cluster' && namespace !== undefined) {
    errors.push(forbidden(namespacePath, "`parameters.scope` is set to 'Cluster'"));
  }
  if (scope !== 'Namespace') return errors;
  if (namespace === undefined) return [...errors, required(namespacePath, "`parameters.scope` is set to 'Namespace'")];
  return [...errors, ...invalidEach(namespacePath, namespace, isDns1123Label(namespace))];
}
