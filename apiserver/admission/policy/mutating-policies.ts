/** MutatingAdmissionPolicy: one after the other changes the object (apiserver `pkg/admission/plugin/policy/mutating/dispatcher.go`). */
import type { MutatingAdmissionPolicyBinding } from '../../../api/admissionregistration/v1/mutating-admission-policy-binding.ts';
import type { MutatingAdmissionPolicy } from '../../../api/admissionregistration/v1/mutating-admission-policy.ts';
import { ApiError, forbiddenError } from '../../../api/machinery/errors.ts';
import type { ApiObject } from '../../../api/machinery/meta.ts';
import { isSameValue } from '../../registry/same-value.ts';
import type { AdmissionAttributes, AdmissionPlugin, Reinvocation } from '../admission.ts';
import { ExpressionFailure } from '../expressions/compiled-expression.ts';
import type { MatchedResource } from '../matching/request-matcher.ts';
import type { ObjectChanger } from '../object-changer.ts';
import { isExempt } from '../webhook/webhook-list.ts';
import type { MutationProgram } from './mutation-program.ts';
import { mutated } from './mutation-program.ts';
import type { CompiledBinding, CompiledPolicy, PolicyList } from './policy-list.ts';
import type { PolicyMatcher } from './policy-matcher.ts';
import { ConfigurationProblem } from './policy-params.ts';

export type MutatingPolicies = PolicyList<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutationProgram>;
type Policy = CompiledPolicy<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutationProgram>;
type Binding = CompiledBinding<MutatingAdmissionPolicyBinding>;

/** By policy, binding and parameter: which have run and want to see later changes, and which are to run again. */
interface Invocations {
  ran: Set<string>;
  again: Set<string>;
  /** The object as the policies left it. */
  output: ApiObject | undefined;
}

interface Run {
  attributes: AdmissionAttributes;
  matcher: PolicyMatcher;
  changer: ObjectChanger;
  state: Invocations;
}

export function mutatingPolicies(
  policies: MutatingPolicies,
  matcher: PolicyMatcher,
  changer: ObjectChanger,
): AdmissionPlugin {
  const invocations = new WeakMap<Reinvocation, Invocations>();
  return {
    name: 'MutatingAdmissionPolicy',
    async mutate(attributes) {
      const list = policies.get();
      if (list.length === 0 || isExempt(attributes.resource) || attributes.object === undefined) return;
      const { reinvocation } = attributes;
      const known = reinvocation && invocations.get(reinvocation);
      const state = known ?? { ran: new Set<string>(), again: new Set<string>(), output: undefined };
      if (reinvocation !== undefined) invocations.set(reinvocation, state);
      if (reinvocation?.isRunning === true && !isSameValue(state.output, attributes.object)) runAgain(state);
      for (const policy of list) await runPolicy(policy, { attributes, matcher, changer, state });
      if (state.ran.size > 0) state.output = structuredClone(attributes.object);
    },
  };
}

function runAgain({ ran, again }: Invocations): void {
  for (const id of ran) again.add(id);
  ran.clear();
}

async function runPolicy(compiled: Policy, run: Run): Promise<void> {
  const { attributes, matcher } = run;
  const matched = await orRefuse(compiled, undefined, attributes, () => matcher.match(compiled.criteria, attributes));
  if (matched === undefined) return;
  for (const bound of compiled.bindings) {
    await orRefuse(compiled, bound, attributes, async () => {
      if (bound.criteria !== undefined && matcher.match(bound.criteria, attributes) === undefined) return;
      for (const params of await matcher.params(compiled.policy.spec, bound.binding.spec, attributes))
        await apply(compiled, bound, { run, matched, params });
    });
  }
}

async function apply(
  { policy, program, expressions }: Policy,
  { binding }: Binding,
  { run, matched, params }: { run: Run; matched: MatchedResource; params: ApiObject | undefined },
): Promise<void> {
  const { attributes, matcher, changer, state } = run;
  const names = [policy, binding, params].map((one) => `${one?.metadata.namespace ?? ''}/${one?.metadata.name ?? ''}`);
  const id = names.join(' ');
  if (attributes.reinvocation?.isRunning === true && !state.again.has(id)) return;
  const input = await matcher.inputFor(attributes, matched);
  const base = matcher.activation(input, params);
  if (program.conditions?.(base) === false) return;
  const next = mutated(expressions, { program, base, object: input.object!, matched, attributes });
  if (await changer.replace(attributes, matched, next)) {
    runAgain(state);
    if (attributes.reinvocation !== undefined) attributes.reinvocation.isWanted = true;
  }
  if (policy.spec.reinvocationPolicy === 'IfNeeded') state.ran.add(id);
}

/** What a policy or an expression cannot do refuses the request, where the policy is to fail. */
async function orRefuse<T>(
  { policy }: Policy,
  bound: Binding | undefined,
  attributes: AdmissionAttributes,
  run: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    const isExpected = [ConfigurationProblem, ExpressionFailure, ApiError].some((known) => error instanceof known);
    if (!isExpected) throw error;
    if (policy.spec.failurePolicy === 'Ignore') return undefined;
    const { resource, name, object } = attributes;
    const binding = bound === undefined ? '' : ` with binding '${bound.binding.metadata.name ?? ''}'`;
    const cause = `policy '${policy.metadata.name ?? ''}'${binding} denied request: ${messageOf(error as Error, bound)}`;
    const shown = name === '' ? (object?.metadata.generateName ?? '') : name;
    throw forbiddenError({ group: resource.group, resource: resource.names.plural }, shown, cause);
  }
}

function messageOf(error: Error, bound: Binding | undefined): string {
  if (!(error instanceof ConfigurationProblem)) return error.message;
  return `failed to configure ${bound === undefined ? 'policy' : 'binding'}: ${error.message}`;
}
