/** Policies with their bindings, compiled, in the order of their names, kept until one of them changes. */
import { listOf } from '../../../api/admissionregistration/v1/group.ts';
import type { BindingSpec, PolicySpec } from '../../../api/admissionregistration/v1/policy-validation.ts';
import type { Lister } from '../../../api/machinery/handler.ts';
import type { ApiObject } from '../../../api/machinery/meta.ts';
import type { Criteria } from '../matching/request-matcher.ts';
import { criteriaOf } from '../matching/request-matcher.ts';
import type { PolicyProgram } from './policy-program.ts';
import { policyProgram } from './policy-program.ts';

export interface CompiledPolicy<P, B, E> {
  policy: P;
  criteria: Criteria;
  program: PolicyProgram;
  /** What the kind of policy compiles besides. */
  expressions: E;
  bindings: readonly CompiledBinding<B>[];
}

export interface CompiledBinding<B> {
  binding: B;
  /** Absent: what the policy matches. */
  criteria: Criteria | undefined;
}

type Policy = ApiObject & { spec: PolicySpec };
type Binding = ApiObject & { spec: BindingSpec };

export interface PolicyListOptions<P extends Policy, B extends Binding, E> {
  policies: Lister<P>;
  bindings: Lister<B>;
  compile(policy: P, program: PolicyProgram): E;
}

export class PolicyList<P extends Policy, B extends Binding, E> {
  readonly #options: PolicyListOptions<P, B, E>;
  /** By the policy as it is stored: another version of it is another object. */
  readonly #compiled = new WeakMap<P, Omit<CompiledPolicy<P, B, E>, 'bindings'>>();
  #generations: readonly [number | undefined, number | undefined] = [undefined, undefined];
  #list: readonly CompiledPolicy<P, B, E>[] = [];

  constructor(options: PolicyListOptions<P, B, E>) {
    this.#options = options;
  }

  /** Those that have bindings: others do nothing. */
  get(): readonly CompiledPolicy<P, B, E>[] {
    const { policies, bindings } = this.#options;
    const [seenPolicies, seenBindings] = this.#generations;
    const isKnown = policies.generation === seenPolicies && bindings.generation === seenBindings;
    if (isKnown && seenPolicies !== undefined && seenBindings !== undefined) return this.#list;
    this.#generations = [policies.generation, bindings.generation];
    const all = bindings.list();
    this.#list = policies
      .list()
      .map((policy) => ({ policy, own: all.filter(({ spec }) => spec.policyName === policy.metadata.name) }))
      .filter(({ own }) => own.length > 0)
      .map(({ policy, own }) => ({ ...this.#compile(policy), bindings: own.map(compileBinding) }));
    return this.#list;
  }

  #compile(policy: P): Omit<CompiledPolicy<P, B, E>, 'bindings'> {
    const before = this.#compiled.get(policy);
    if (before !== undefined) return before;
    const program = policyProgram(policy.spec);
    const criteria = criteriaOfMatch(policy.spec.matchConstraints);
    const compiled = { policy, criteria, program, expressions: this.#options.compile(policy, program) };
    this.#compiled.set(policy, compiled);
    return compiled;
  }
}

function compileBinding<B extends Binding>(binding: B): CompiledBinding<B> {
  const { matchResources } = binding.spec;
  return { binding, criteria: matchResources ? criteriaOfMatch(matchResources) : undefined };
}

function criteriaOfMatch(match: PolicySpec['matchConstraints']): Criteria {
  const { resourceRules, excludeResourceRules, ...rest } = match ?? {};
  return criteriaOf({ ...rest, rules: listOf(resourceRules), excludedRules: listOf(excludeResourceRules) });
}
