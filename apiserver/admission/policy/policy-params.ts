/** The parameters that a binding gives its policy (apiserver `pkg/admission/plugin/policy/generic/policy_dispatcher.go` CollectParams). */
import type { ParamKind, ParamRef } from '../../../api/admissionregistration/v1/policy-validation.ts';
import { selectorFromObject } from '../../../api/machinery/label-selector.ts';
import type { ApiObject, LabelSelector } from '../../../api/machinery/meta.ts';
import type { CachedObject } from '../../cacher/cached-object.ts';
import type { KindCache } from '../../cacher/kind-cache.ts';
import type { ServedKind } from '../../registry/served-kind.ts';

/** What is wrong with a policy or a binding; its failure policy decides. */
export class ConfigurationProblem extends Error {
  override readonly name = 'ConfigurationProblem';
}

export interface ParamQuery {
  paramKind: ParamKind | undefined;
  paramRef: ParamRef | undefined;
  /** Of the request. */
  namespace: string;
}

/**
 * One evaluation for each: `[undefined]` for a policy without parameters, none where parameters are missing and that is
 * allowed. Throws ConfigurationProblem.
 */
export async function paramsOf(
  query: ParamQuery,
  kinds: () => readonly ServedKind[],
): Promise<(ApiObject | undefined)[]> {
  const { paramKind, paramRef } = query;
  if (!paramKind || !paramRef) return [undefined];
  const { apiVersion = '', kind = '' } = paramKind;
  const served = kinds().find((one) => one.apiVersion === apiVersion && one.groupKind.kind === kind);
  if (served === undefined) throw new ConfigurationProblem(`paramKind kind \`${goKind(apiVersion, kind)}\` not known`);
  const namespace = paramNamespace(served, paramRef, query.namespace);
  const found = await find(served, paramRef, namespace);
  if (found.length === 0 && paramRef.parameterNotFoundAction === 'Deny')
    throw new ConfigurationProblem('no params found for policy binding with `Deny` parameterNotFoundAction');
  return found;
}

function paramNamespace({ resource }: ServedKind, ref: ParamRef, requested: string): string {
  const own = ref.namespace ?? '';
  if (resource.scope === 'Cluster') {
    if (own === '') return '';
    throw new ConfigurationProblem('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  }
  if (own !== '' || requested !== '') return own || requested;
  throw new ConfigurationProblem(
    'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources',
  );
}

async function find({ cache }: ServedKind, ref: ParamRef, namespace: string): Promise<ApiObject[]> {
  await converted(cache, ref, namespace);
  if (ref.selector) return cache.list({ namespace, labelSelector: selectorFromObject(ref.selector as LabelSelector) });
  const named = cache.get(namespace, ref.name ?? '');
  return named === undefined ? [] : [named];
}

/** Parameters that a webhook converts are asked of it before they are looked into. */
async function converted(cache: KindCache, ref: ParamRef, namespace: string): Promise<void> {
  if (cache.ready === undefined) return;
  const all = (): CachedObject[] => [...cache.range(cache.snapshot(0), cache.prefixOf(namespace))];
  const named = cache.getCached(namespace, ref.name ?? '');
  try {
    await cache.ready(ref.selector ? all() : named === undefined ? [] : [named]);
  } catch (error) {
    throw new ConfigurationProblem((error as Error).message);
  }
}

/** `apps/v1, Kind=Deployment` */
function goKind(apiVersion: string, kind: string): string {
  return `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`;
}
