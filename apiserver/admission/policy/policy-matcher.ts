/** What both kinds of policies do before their own expressions: matching, conditions, parameters, the namespace. */
import type { BindingSpec, PolicySpec } from '../../../api/admissionregistration/v1/policy-validation.ts';
import { ApiError } from '../../../api/machinery/errors.ts';
import type { Lister } from '../../../api/machinery/handler.ts';
import type { ApiObject } from '../../../api/machinery/meta.ts';
import type { Authorizer } from '../../authz/authorizer.ts';
import type { ServedKind } from '../../registry/served-kind.ts';
import type { AdmissionAttributes } from '../admission.ts';
import type { ExpressionInput } from '../expressions/request-activation.ts';
import { requestActivation, withVariables } from '../expressions/request-activation.ts';
import type { Criteria, MatchedResource, RequestMatcher } from '../matching/request-matcher.ts';
import { inVersion } from '../matching/request-matcher.ts';
import { isNamespaces } from '../matching/rules.ts';
import { ConfigurationProblem, paramsOf } from './policy-params.ts';

export interface PolicyMatcherOptions {
  matcher: RequestMatcher;
  namespaces: Lister;
  authorize: Authorizer;
  kinds(): readonly ServedKind[];
}

export class PolicyMatcher {
  readonly #options: PolicyMatcherOptions;

  constructor(options: PolicyMatcherOptions) {
    this.#options = options;
  }

  /** Throws ConfigurationProblem. */
  match(criteria: Criteria, attributes: AdmissionAttributes): MatchedResource | undefined {
    try {
      return this.#options.matcher.match(criteria, attributes);
    } catch (error) {
      if (error instanceof ApiError) throw new ConfigurationProblem(error.message);
      throw error;
    }
  }

  /** Throws ConfigurationProblem. */
  params(
    policy: PolicySpec,
    binding: BindingSpec,
    attributes: AdmissionAttributes,
  ): Promise<(ApiObject | undefined)[]> {
    const { paramKind } = policy;
    const query = { paramKind, paramRef: binding.paramRef, namespace: attributes.namespace };
    return paramsOf(query, this.#options.kinds);
  }

  async inputFor(attributes: AdmissionAttributes, matched: MatchedResource): Promise<ExpressionInput> {
    const object = await inVersion(attributes.object, attributes, matched);
    return { attributes, matched, object, oldObject: await inVersion(attributes.oldObject, attributes, matched) };
  }

  /** The variables of the request; `params` are the binding's. */
  activation(input: ExpressionInput, params: ApiObject | undefined): Record<string, unknown> {
    const { resource, namespace } = input.attributes;
    const isNamespace = isNamespaces(resource.group, resource.names.plural);
    const found = namespace === '' || isNamespace ? undefined : this.#options.namespaces.get('', namespace);
    const own = { params: params ?? null, namespaceObject: found ?? null };
    return withVariables(requestActivation(input, this.#options.authorize), own);
  }
}
