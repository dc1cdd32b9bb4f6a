/** MutatingAdmissionPolicy: CEL expressions that change an object before it is stored (upstream: `validateMutatingAdmissionPolicySpec`). */
import type { V1MutatingAdmissionPolicy, V1MutatingAdmissionPolicySpec } from '@kubernetes/client-node';
import { fieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { Wire, WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { ageColumn } from '../../table-cells.ts';
import { ExpressionCompiler, expressionErrors } from './expressions.ts';
import { ADMISSION_GROUP, API_EXTENSIONS, listOf } from './group.ts';
import { defaultPolicySpec, paramKindColumn, validatePolicySpec } from './policy-validation.ts';
import type { MatchResources } from './rule-validation.ts';
import { REINVOCATION_POLICIES } from './rule-validation.ts';

export type MutatingAdmissionPolicySpec = Wire<V1MutatingAdmissionPolicySpec>;
export type MutatingAdmissionPolicy = Omit<WireObject<V1MutatingAdmissionPolicy>, 'spec'> & {
  spec: MutatingAdmissionPolicySpec;
};
export type Mutation = NonNullable<MutatingAdmissionPolicySpec['mutations']>[number];

const SPEC = fieldPath('spec');
/** There is nothing to change in a deletion. */
const MUTATED_OPERATIONS = ['*', 'CONNECT', 'CREATE', 'UPDATE'];

export const mutatingAdmissionPolicies = defineResource<MutatingAdmissionPolicy>({
  group: ADMISSION_GROUP,
  version: 'v1',
  scope: 'Cluster',
  names: {
    plural: 'mutatingadmissionpolicies',
    singular: 'mutatingadmissionpolicy',
    kind: 'MutatingAdmissionPolicy',
    categories: API_EXTENSIONS,
  },
  schema: 'V1MutatingAdmissionPolicy',
  additionalPrinterColumns: [
    {
      name: 'Mutations',
      type: 'integer',
      description: 'Mutations in the policy',
      cell: ({ spec }) => listOf(spec?.mutations).length,
    },
    paramKindColumn(),
    ageColumn(),
  ],
  strategy: {
    default: (policy) => defaultPolicySpec((policy.spec ??= {})),
    validate: ({ spec }) => validateSpec(spec, undefined),
    validateUpdate: (next, previous) => validateSpec(next.spec, previous.spec),
    allowUnconditionalUpdate: false,
  },
});

function validateSpec(
  spec: MutatingAdmissionPolicySpec,
  previous: MutatingAdmissionPolicySpec | undefined,
): FieldError[] {
  const compiler = new ExpressionCompiler({ hasParams: Boolean(spec.paramKind) });
  const errors = [
    ...validatePolicySpec(spec, previous, compiler),
    ...validateMutatedOperations(spec.matchConstraints, SPEC.child('matchConstraints')),
  ];
  const mutations = listOf(spec.mutations);
  const path = SPEC.child('mutations');
  if (mutations.length === 0) errors.push(required(path, 'mutations must contain at least one item'));
  mutations.forEach((mutation, i) =>
    errors.push(...validateMutation(mutation ?? { patchType: '' }, path.index(i), compiler)),
  );
  const { reinvocationPolicy = '' } = spec;
  const policyPath = SPEC.child('reinvocationPolicy');
  if (reinvocationPolicy === '') errors.push(required(policyPath));
  else if (!REINVOCATION_POLICIES.includes(reinvocationPolicy))
    errors.push(notSupported(policyPath, reinvocationPolicy, REINVOCATION_POLICIES));
  return errors;
}

export function validateMutatedOperations(match: MatchResources | undefined, path: FieldPath): FieldError[] {
  return listOf(match?.resourceRules)
    .flatMap((rule) => listOf(rule?.operations))
    .filter((operation) => !MUTATED_OPERATIONS.includes(operation))
    .map((operation) => notSupported(path.child('resourceRules', 'operations'), operation, MUTATED_OPERATIONS));
}

const EXPRESSION_FIELDS = { JSONPatch: 'jsonPatch', ApplyConfiguration: 'applyConfiguration' } as const;

function validateMutation(mutation: Mutation, path: FieldPath, compiler: ExpressionCompiler): FieldError[] {
  const { patchType = '' } = mutation;
  if (patchType === '') return [required(path.child('patchType'))];
  if (patchType !== 'JSONPatch' && patchType !== 'ApplyConfiguration')
    return [notSupported(path.child('patchType'), patchType, ['ApplyConfiguration', 'JSONPatch'])];
  const own = EXPRESSION_FIELDS[patchType];
  const other = own === 'jsonPatch' ? 'applyConfiguration' : 'jsonPatch';
  const errors: FieldError[] = [];
  const text = mutation[own]?.expression?.trim() ?? '';
  const expressionPath = path.child(own, 'expression');
  if (!mutation[own]) errors.push(required(path.child(own), `must be specified when patchType is ${patchType}`));
  else if (text === '') errors.push(required(expressionPath));
  else errors.push(...expressionErrors(compiler.compile(text, own), text, expressionPath));
  if (mutation[other])
    errors.push(invalid(path.child(other), `{${other}}`, `must not be specified when patchType is ${patchType}`));
  return errors;
}
