/**
 * `policy/v1beta1` PodDisruptionBudget, of Kubernetes 1.5 to 1.24. Its empty selector selects nothing, where that of v1
 * selects everything: a requirement on a label that nothing has stands for the other meaning
 * (`pkg/apis/policy/v1beta1/conversion.go`).
 */
import { deepEqual } from '../../machinery/equality.ts';
import type { LabelSelector } from '../../machinery/meta.ts';
import { olderVersion } from '../../machinery/older-version.ts';
import { podDisruptionBudgets } from '../v1/pod-disruption-budget.ts';
import type { PodDisruptionBudget } from '../v1/pod-disruption-budget.ts';

const LABEL = 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match';

/** Nothing, as v1 says it. */
const NOTHING_IN_V1: LabelSelector = { matchExpressions: [{ key: LABEL, operator: 'Exists' }] };
/** Everything, as v1beta1 says it. */
const EVERYTHING_IN_V1BETA1: LabelSelector = { matchExpressions: [{ key: LABEL, operator: 'DoesNotExist' }] };

/** An absent selector selects nothing in both. */
function replaceSelector({ spec }: PodDisruptionBudget, empty: LabelSelector, meaningEmpty: LabelSelector): void {
  const selector = spec?.selector;
  if (!selector) return;
  if (deepEqual(selector, {})) spec.selector = structuredClone(empty);
  else if (deepEqual(selector, meaningEmpty)) spec.selector = {};
}

export const podDisruptionBudgetsV1beta1 = olderVersion(podDisruptionBudgets, {
  group: 'policy',
  version: 'v1beta1',
  schema: 'PolicyV1beta1PodDisruptionBudget',
  deprecatedIn: '1.21',
  removedIn: '1.25',
  convert: {
    toStored: (object) => replaceSelector(object, NOTHING_IN_V1, EVERYTHING_IN_V1BETA1),
    fromStored: (object) => replaceSelector(object, EVERYTHING_IN_V1BETA1, NOTHING_IN_V1),
  },
});
