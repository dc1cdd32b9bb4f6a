/**
 * What validating and mutating policies, and their bindings, have in common (upstream:
 * `pkg/apis/admissionregistration/validation/validation.go`, `validateParamKind`, `validateParamRef`, `validateVariable`).
 */
import type {
  V1MutatingAdmissionPolicyBindingSpec,
  V1MutatingAdmissionPolicySpec,
  V1ParamKind,
  V1ParamRef,
  V1Variable,
} from '@kubernetes/client-node';
import { deepEqual } from '../../machinery/equality.ts';
import { fieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { ApiObject, Wire } from '../../machinery/meta.ts';
import type { PrinterColumn } from '../../machinery/resource.ts';
import {
  invalidEach,
  isDns1035Label,
  isDns1123Subdomain,
  validateLabelSelector,
  validatePathSegmentName,
} from '../../machinery/validation.ts';
import { UNSET } from '../../table-cells.ts';
import type { ExpressionCompiler } from './expressions.ts';
import { expressionErrors } from './expressions.ts';
import { listOf } from './group.ts';
import type { MatchResources } from './rule-validation.ts';
import {
  defaultMatchResources,
  FAILURE_POLICIES,
  validateMatchConditions,
  validateMatchResources,
} from './rule-validation.ts';

export type ParamKind = Wire<V1ParamKind>;
export type ParamRef = Wire<V1ParamRef>;
export type Variable = Wire<V1Variable>;
/** What both kinds of policies have. */
export type PolicySpec = Omit<Wire<V1MutatingAdmissionPolicySpec>, 'mutations' | 'reinvocationPolicy'>;
/** What both kinds of bindings have. */
export type BindingSpec = Wire<V1MutatingAdmissionPolicyBindingSpec>;

const SPEC = fieldPath('spec');
const NOT_FOUND_ACTIONS = ['Deny', 'Allow'];
/** Words that CEL keeps for itself. */
const RESERVED = new Set(
  `true false null in as break const continue else for function if import let loop package namespace return var void
  while`.split(/\s+/),
);

/** `SetDefaults_…AdmissionPolicySpec` of `pkg/apis/admissionregistration/v1/defaults.go`. */
export function defaultPolicySpec(spec: PolicySpec | undefined): void {
  if (!spec) return;
  spec.failurePolicy ??= 'Fail';
  defaultMatchResources(spec.matchConstraints);
}

export function defaultBindingSpec(spec: BindingSpec | undefined): void {
  defaultMatchResources(spec?.matchResources);
}

/**
 * Everything up to the variables, which `compiler` knows afterwards. `previous`: match conditions that are as they were
 * are not looked at again.
 */
export function validatePolicySpec(
  spec: PolicySpec,
  previous: PolicySpec | undefined,
  compiler: ExpressionCompiler,
): FieldError[] {
  const { failurePolicy, paramKind, matchConstraints } = spec;
  const errors: FieldError[] = [];
  const policyPath = SPEC.child('failurePolicy');
  if (failurePolicy === undefined) errors.push(required(policyPath));
  else if (!FAILURE_POLICIES.includes(failurePolicy))
    errors.push(notSupported(policyPath, failurePolicy, FAILURE_POLICIES));
  if (paramKind) errors.push(...validateParamKind(paramKind, SPEC.child('paramKind')));
  errors.push(...validateConstraints(matchConstraints, SPEC.child('matchConstraints')));
  const known =
    previous !== undefined &&
    deepEqual(previous.paramKind, paramKind) &&
    deepEqual(previous.matchConditions, spec.matchConditions);
  if (!known) errors.push(...validateMatchConditions(spec.matchConditions, SPEC.child('matchConditions'), compiler));
  listOf(spec.variables).forEach((variable, i) => {
    const path = SPEC.child('variables').index(i);
    errors.push(...validateVariable(variable ?? { name: '', expression: '' }, path, compiler));
  });
  return errors;
}

function validateConstraints(match: MatchResources | undefined, path: FieldPath): FieldError[] {
  if (!match) return [required(path)];
  const errors = validateMatchResources(match, path);
  if (listOf(match.resourceRules).length === 0) errors.push(required(path.child('resourceRules')));
  return errors;
}

function validateParamKind({ apiVersion = '', kind = '' }: ParamKind, path: FieldPath): FieldError[] {
  const errors = validateApiVersion(apiVersion, path.child('apiVersion'));
  const problems = isDns1035Label(kind.toLowerCase());
  if (kind === '') errors.push(required(path.child('kind')));
  else if (problems.length > 0) {
    const detail = `may have mixed case, but should otherwise match: ${problems.join(',')}`;
    errors.push(invalid(path.child('kind'), kind, detail));
  }
  return errors;
}

function validateApiVersion(apiVersion: string, path: FieldPath): FieldError[] {
  if (apiVersion === '') return [required(path)];
  const parts = apiVersion === '/' ? ['', ''] : apiVersion.split('/');
  if (parts.length > 2) return [invalid(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)];
  const [group, version] = parts.length === 1 ? ['', parts[0]!] : [parts[0]!, parts[1]!];
  const errors: FieldError[] = [];
  const groupProblems = group === '' ? [] : isDns1123Subdomain(group);
  if (groupProblems.length > 0) errors.push(invalid(path, group, groupProblems.join(',')));
  const versionProblems = isDns1035Label(version);
  if (version === '') errors.push(invalid(path, apiVersion, 'version must be specified'));
  else if (versionProblems.length > 0) errors.push(invalid(path, version, versionProblems.join(',')));
  return errors;
}

function validateVariable(
  { name = '', expression = '' }: Variable,
  path: FieldPath,
  compiler: ExpressionCompiler,
): FieldError[] {
  const errors: FieldError[] = [];
  if (name.trim() === '') errors.push(required(path.child('name'), 'name is not specified'));
  else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) || RESERVED.has(name))
    errors.push(invalid(path.child('name'), name, 'name is not a valid CEL identifier'));
  if (expression.trim() === '') errors.push(required(path.child('expression'), 'expression is not specified'));
  else errors.push(...expressionErrors(compiler.addVariable(name, expression), expression, path.child('expression')));
  return errors;
}

export function validateBindingSpec({ policyName = '', paramRef, matchResources }: BindingSpec): FieldError[] {
  const path = SPEC.child('policyName');
  const errors = policyName === '' ? [required(path)] : invalidEach(path, policyName, isDns1123Subdomain(policyName));
  return [
    ...errors,
    ...(paramRef ? validateParamRef(paramRef, SPEC.child('paramRef')) : []),
    ...validateMatchResources(matchResources, SPEC.child('matchResources')),
  ];
}

function validateParamRef(ref: ParamRef, path: FieldPath): FieldError[] {
  const { name = '', selector, parameterNotFoundAction: action = '' } = ref;
  const errors: FieldError[] = [];
  const exclusive = 'name and selector are mutually exclusive';
  if (name !== '') {
    errors.push(...invalidEach(path.child('name'), name, validatePathSegmentName(name, false)));
    if (selector) errors.push(forbidden(path.child('name'), exclusive));
  }
  if (selector) {
    errors.push(...validateLabelSelector(selector as never, path.child('selector')));
    if (name !== '') errors.push(forbidden(path.child('selector'), exclusive));
  }
  if (name === '' && !selector) errors.push(required(path, 'one of name or selector must be specified'));
  const actionPath = path.child('parameterNotFoundAction');
  if (action === '') errors.push(required(actionPath));
  else if (!NOT_FOUND_ACTIONS.includes(action)) errors.push(notSupported(actionPath, action, NOT_FOUND_ACTIONS));
  return errors;
}

export function paramKindColumn<T extends ApiObject & { spec?: PolicySpec }>(): PrinterColumn<T> {
  return {
    name: 'ParamKind',
    type: 'string',
    description: 'Kind of the parameters',
    cell: ({ spec }) => (spec?.paramKind ? `${spec.paramKind.apiVersion ?? ''}/${spec.paramKind.kind ?? ''}` : UNSET),
  };
}

export function bindingColumns<T extends ApiObject & { spec?: BindingSpec }>(): PrinterColumn<T>[] {
  return [
    {
      name: 'PolicyName',
      type: 'string',
      description: 'The policy that is bound',
      cell: ({ spec }) => spec?.policyName ?? '',
    },
    {
      name: 'ParamRef',
      type: 'string',
      description: 'The parameters that the policy gets',
      cell: ({ spec }) => paramText(spec?.paramRef),
    },
  ];
}

function paramText(ref: ParamRef | undefined): string {
  if (!ref) return UNSET;
  return ref.namespace ? `${ref.namespace}/${ref.name ?? ''}` : (ref.name ?? '');
}
