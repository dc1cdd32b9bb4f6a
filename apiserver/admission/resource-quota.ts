/**
 * ResourceQuota: charges new objects, and those that grow, to the quotas of their namespace; the last to look, so that
 * nothing is charged that others refuse (apiserver `pkg/admission/plugin/resourcequota/admission.go`).
 */
import type { QuotaEvaluator } from '../../api/core/v1/quota/evaluator.ts';
import { quotaEvaluator } from '../../api/core/v1/quota/evaluators.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import type { Clock } from '../../base/clock.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';
import { QuotaLedger } from './quota-ledger.ts';
import type { QuotaStore } from './quota-ledger.ts';
import { isKind } from './refusal.ts';

export function resourceQuotaAdmission(store: QuotaStore, clock: Clock): AdmissionPlugin {
  const ledger = new QuotaLedger(store);
  const evaluators = new WeakMap<Resource, QuotaEvaluator>();
  const evaluatorOf = (resource: Resource): QuotaEvaluator | undefined => {
    const known = evaluators.get(resource);
    if (known !== undefined) return known;
    const evaluator = quotaEvaluator({ group: resource.group, plural: resource.names.plural });
    if (evaluator !== undefined) evaluators.set(resource, evaluator);
    return evaluator;
  };
  return {
    name: 'ResourceQuota',
    async validate(attributes) {
      const { namespace, resource } = attributes;
      if (namespace === '' || resource.scope !== 'Namespaced' || store.list(namespace).length === 0) return;
      const evaluator = evaluatorOf(resource);
      if (evaluator === undefined || !isCharged(attributes, evaluator)) return;
      await ledger.charge(namespace, { attributes, evaluator, nowMs: clock.now() });
    },
  };
}

/** Creations, and updates that can make an object use more. */
function isCharged({ operation, resource, subresource }: AdmissionAttributes, evaluator: QuotaEvaluator): boolean {
  if (subresource === 'resize') return operation === 'UPDATE' && isKind(resource, 'pods');
  if (subresource !== '') return false;
  return operation === 'CREATE' || (operation === 'UPDATE' && evaluator.countsUpdates === true);
}
