/** ValidatingAdmissionPolicy (apiserver `pkg/admission/plugin/policy/validating/dispatcher.go`). */
import { listOf } from '../../../api/admissionregistration/v1/group.ts';
import type { ValidatingAdmissionPolicyBinding } from '../../../api/admissionregistration/v1/validating-admission-policy-binding.ts';
import type { ValidatingAdmissionPolicy } from '../../../api/admissionregistration/v1/validating-admission-policy.ts';
import * as errors from '../../../api/machinery/errors.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts';
import { isExempt } from '../webhook/webhook-list.ts';
import type { CompiledBinding, CompiledPolicy, PolicyList } from './policy-list.ts';
import type { PolicyMatcher } from './policy-matcher.ts';
import { ConfigurationProblem } from './policy-params.ts';
import type { Violation } from './validation-program.ts';
import { evaluateValidations } from './validation-program.ts';
import type { ValidationProgram } from './validation-program.ts';

export type ValidatingPolicies = PolicyList<
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidationProgram
>;
type Policy = CompiledPolicy<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidationProgram>;
type Binding = CompiledBinding<ValidatingAdmissionPolicyBinding>;

interface Denial {
  policy: string;
  /** Absent: of the policy itself. */
  binding?: string;
  message: string;
  reason?: string;
}

/** What one request's policies have said. */
interface Findings {
  denials: Denial[];
  failures: object[];
  annotations: Map<string, string[]>;
}

const FAILURE_ANNOTATION = 'validation.policy.admission.k8s.io/validation_failure';
const CODES: Readonly<Record<string, number>> = { Unauthorized: 401, Forbidden: 403, RequestEntityTooLarge: 413 };

export function validatingPolicies(policies: ValidatingPolicies, matcher: PolicyMatcher): AdmissionPlugin {
  return {
    name: 'ValidatingAdmissionPolicy',
    async validate(attributes) {
      const list = policies.get();
      if (list.length === 0 || isExempt(attributes.resource)) return;
      const findings: Findings = { denials: [], failures: [], annotations: new Map() };
      for (const policy of list) await checkPolicy(policy, { attributes, matcher, findings });
      for (const [key, values] of findings.annotations) attributes.annotate?.(key, values.join(', '));
      if (findings.failures.length > 0) attributes.annotate?.(FAILURE_ANNOTATION, JSON.stringify(findings.failures));
      const [first] = findings.denials;
      if (first !== undefined) throw denied(attributes, first);
    },
  };
}

interface Check {
  attributes: AdmissionAttributes;
  matcher: PolicyMatcher;
  findings: Findings;
}

async function checkPolicy(compiled: Policy, check: Check): Promise<void> {
  const { policy, criteria, bindings } = compiled;
  const { attributes, matcher } = check;
  const matched = await orProblem(compiled, check, undefined, () => matcher.match(criteria, attributes));
  if (matched === undefined) return;
  const input = await matcher.inputFor(attributes, matched);
  for (const bound of bindings) {
    const { binding } = bound;
    await orProblem(compiled, check, binding.metadata.name ?? '', async () => {
      if (bound.criteria !== undefined && matcher.match(bound.criteria, attributes) === undefined) return;
      for (const params of await matcher.params(policy.spec, binding.spec, attributes)) {
        const base = matcher.activation(input, params);
        const { violations, annotations } = evaluateValidations(compiled, base);
        for (const violation of violations) report(violation, { policy, bound, check });
        for (const { key, value } of annotations) addTo(check.findings.annotations, key, value);
      }
    });
  }
}

/** What is wrong with a policy or a binding refuses the request, where the policy is to fail. */
async function orProblem<T>(
  { policy }: Policy,
  { findings }: Check,
  binding: string | undefined,
  run: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof ConfigurationProblem)) throw error;
    if (policy.spec.failurePolicy === 'Ignore') return undefined;
    findings.denials.push({
      policy: policy.metadata.name ?? '',
      ...(binding === undefined ? {} : { binding }),
      message: `failed to configure ${binding === undefined ? 'policy' : 'binding'}: ${error.message}`,
    });
    return undefined;
  }
}

function report(
  violation: Violation,
  { policy, bound, check }: { policy: ValidatingAdmissionPolicy; bound: Binding; check: Check },
): void {
  const { findings, attributes } = check;
  const { message, reason, index } = violation;
  const [policyName, binding] = [policy.metadata.name ?? '', bound.binding.metadata.name ?? ''];
  const validationActions = listOf(bound.binding.spec.validationActions);
  for (const action of validationActions) {
    if (action === 'Deny') findings.denials.push({ policy: policyName, binding, message, ...(reason && { reason }) });
    else if (action === 'Audit')
      findings.failures.push({ message, policy: policyName, binding, expressionIndex: index, validationActions });
    else
      attributes.warn(
        `Validation failed for ValidatingAdmissionPolicy '${policyName}' with binding '${binding}': ${message}`,
      );
  }
}

function addTo(annotations: Map<string, string[]>, key: string, value: string): void {
  const values = annotations.get(key) ?? [];
  if (!values.includes(value)) values.push(value);
  annotations.set(key, values);
}

function denied(attributes: AdmissionAttributes, { policy, binding, message, reason }: Denial): errors.ApiError {
  const { resource, name, object } = attributes;
  const bound = binding === undefined ? '' : ` with binding '${binding}'`;
  const cause = `ValidatingAdmissionPolicy '${policy}'${bound} denied request: ${message}`;
  const shown = name === '' ? (object?.metadata.generateName ?? '') : name;
  const { status } = errors.forbiddenError({ group: resource.group, resource: resource.names.plural }, shown, cause);
  const why = reason ?? 'Invalid';
  return new errors.ApiError({
    code: CODES[why] ?? 422,
    reason: why,
    message: status.message!,
    details: { ...status.details, causes: [{ message: cause }] },
  });
}
