/** ValidatingAdmissionPolicy: CEL expressions that a request must satisfy (upstream: `validateValidatingAdmissionPolicySpec`). */
import type { V1ValidatingAdmissionPolicy, V1ValidatingAdmissionPolicySpec } from '@kubernetes/client-node';
import { duplicate, fieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { Condition, Wire, WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { invalidEach, isQualifiedName, validateConditions } from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';
import type { ExpressionUse } from './expressions.ts';
import { ExpressionCompiler, expressionErrors } from './expressions.ts';
import { ADMISSION_GROUP, API_EXTENSIONS, listOf } from './group.ts';
import { defaultPolicySpec, paramKindColumn, validatePolicySpec } from './policy-validation.ts';

export type ValidatingAdmissionPolicySpec = Wire<V1ValidatingAdmissionPolicySpec>;
export type ValidatingAdmissionPolicy = Omit<WireObject<V1ValidatingAdmissionPolicy>, 'spec'> & {
  spec: ValidatingAdmissionPolicySpec;
};
export type Validation = NonNullable<ValidatingAdmissionPolicySpec['validations']>[number];
type AuditAnnotation = NonNullable<ValidatingAdmissionPolicySpec['auditAnnotations']>[number];

const SPEC = fieldPath('spec');
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const MAX_AUDIT_ANNOTATIONS = 20;
const MAX_VALUE_EXPRESSION_BYTES = 5 * 1024;

export const validatingAdmissionPolicies = defineResource<ValidatingAdmissionPolicy>({
  group: ADMISSION_GROUP,
  version: 'v1',
  scope: 'Cluster',
  names: {
    plural: 'validatingadmissionpolicies',
    singular: 'validatingadmissionpolicy',
    kind: 'ValidatingAdmissionPolicy',
    categories: API_EXTENSIONS,
  },
  schema: 'V1ValidatingAdmissionPolicy',
  subresources: { status: {} },
  additionalPrinterColumns: [
    {
      name: 'Validations',
      type: 'integer',
      description: 'Validations in the policy',
      cell: ({ spec }) => listOf(spec?.validations).length,
    },
    paramKindColumn(),
    ageColumn(),
  ],
  strategy: {
    default: (policy) => defaultPolicySpec((policy.spec ??= {})),
    prepareForCreate(policy) {
      policy.status = {};
    },
    validate: (policy) => validatePolicy(policy, undefined),
    validateUpdate: (next, previous) => validatePolicy(next, previous),
    status: {
      keptMetadata: ['labels', 'annotations', 'finalizers', 'ownerReferences'],
      validateUpdate: ({ status }) => validateStatus(status),
    },
    allowUnconditionalUpdate: false,
  },
});

function validatePolicy(
  { metadata, spec }: ValidatingAdmissionPolicy,
  previous: ValidatingAdmissionPolicy | undefined,
): FieldError[] {
  const compiler = new ExpressionCompiler({ hasParams: Boolean(spec.paramKind) });
  const errors = validatePolicySpec(spec, previous?.spec, compiler);
  const validations = listOf(spec.validations);
  const annotations = listOf(spec.auditAnnotations);
  if (validations.length === 0 && annotations.length === 0) {
    const detail = 'validations or auditAnnotations must contain at least one item';
    return [...errors, ...['validations', 'auditAnnotations'].map((name) => required(SPEC.child(name), detail))];
  }
  validations.forEach((validation, i) =>
    errors.push(...validateValidation(validation ?? { expression: '' }, SPEC.child('validations').index(i), compiler)),
  );
  if (annotations.length > MAX_AUDIT_ANNOTATIONS) {
    const detail = `must not have more than ${MAX_AUDIT_ANNOTATIONS} auditAnnotations`;
    errors.push(invalid(SPEC.child('auditAnnotations'), annotations, detail));
  }
  const keys = new Set<string>();
  annotations.forEach((annotation, i) => {
    const path = SPEC.child('auditAnnotations').index(i);
    const key = annotation?.key ?? '';
    errors.push(...validateAuditKey(key, metadata.name ?? '', path.child('key')));
    errors.push(...validateAuditValue(annotation, path.child('valueExpression'), compiler));
    if (keys.has(key)) errors.push(duplicate(path.child('key'), key));
    keys.add(key);
  });
  return errors;
}

function validateValidation(validation: Validation, path: FieldPath, compiler: ExpressionCompiler): FieldError[] {
  const { expression = '', message = '', messageExpression = '', reason } = validation;
  const errors: FieldError[] = [];
  const check = (name: string, text: string, use: ExpressionUse): void =>
    void errors.push(...expressionErrors(compiler.compile(text, use), text, path.child(name)));
  if (expression.trim() === '') errors.push(required(path.child('expression'), 'expression is not specified'));
  else check('expression', expression, 'validation');
  if (messageExpression.trim() !== '') check('messageExpression', messageExpression, 'messageExpression');
  else if (messageExpression !== '')
    errors.push(invalid(path.child('messageExpression'), messageExpression, 'must be non-empty if specified'));
  if (message !== '' && message.trim() === '')
    errors.push(invalid(path.child('message'), message, 'message must be non-empty if specified'));
  else if (/[\n\r]/.test(message.trim()))
    errors.push(invalid(path.child('message'), message, 'message must not contain line breaks'));
  if (reason !== undefined && reason !== null && !REASONS.includes(reason))
    errors.push(notSupported(path.child('reason'), reason, REASONS));
  return errors;
}

function validateAuditKey(key: string, policyName: string, path: FieldPath): FieldError[] {
  if (policyName === '') return [invalid(path, key, 'requires metadata.name be non-empty')];
  const qualified = `${policyName}/${key}`;
  return invalidEach(path, qualified, isQualifiedName(qualified));
}

function validateAuditValue(
  annotation: AuditAnnotation | null,
  path: FieldPath,
  compiler: ExpressionCompiler,
): FieldError[] {
  const text = annotation?.valueExpression ?? '';
  const bytes = Buffer.byteLength(text.trim());
  if (bytes === 0) return [required(path, 'valueExpression is not specified')];
  if (bytes > MAX_VALUE_EXPRESSION_BYTES)
    return [required(path, `must not exceed ${MAX_VALUE_EXPRESSION_BYTES} bytes in length`)];
  return expressionErrors(compiler.compile(text.trim(), 'auditAnnotation'), text, path);
}

function validateStatus(status: ValidatingAdmissionPolicy['status']): FieldError[] {
  const path = fieldPath('status');
  const warnings = listOf(status?.typeChecking?.expressionWarnings).flatMap((one, i) => {
    const { warning = '', fieldRef = '' } = one ?? {};
    const warningPath = path.child('typeChecking', 'expressionWarnings').index(i);
    return [
      ...(warning === '' ? [required(warningPath.child('warning'))] : []),
      ...(fieldRef.trim() === '' ? [required(warningPath.child('fieldRef'))] : []),
    ];
  });
  return [...warnings, ...validateConditions(status?.conditions as Condition[], path.child('conditions'))];
}
