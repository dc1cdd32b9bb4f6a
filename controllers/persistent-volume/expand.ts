/**
 * Says of claims that ask for more than they have that whoever serves their volumes must see to it: the controller
 * itself lets no volume grow (upstream `pkg/controller/volume/expand/expand_controller.go`).
 */
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../../api/core/v1/persistent-volume-claim.ts';
import { amountOf } from '../../api/core/v1/pod/resources.ts';
import { requestOf } from '../../api/core/v1/volume/matching.ts';
import { defineController } from '../../client/controller.ts';
import { recordOnClaim } from './events.ts';

export const expandController = defineController<PersistentVolumeClaim>({
  name: 'expand-controller',
  component: 'volume_expand',
  for: persistentVolumeClaims,
  writes: [],
  reconcile({ namespace, name }, { lister, events }) {
    const claim = lister<PersistentVolumeClaim>(persistentVolumeClaims).get(namespace, name);
    if (claim !== undefined && isToGrow(claim)) {
      const message = 'waiting for an external controller to expand this PVC';
      recordOnClaim(events, claim, { type: 'Normal', reason: 'ExternalExpanding', message });
    }
    return Promise.resolve(undefined);
  },
});

/** And nobody is at it yet. */
export function isToGrow(claim: PersistentVolumeClaim): boolean {
  const { phase, capacity, conditions = [] } = claim.status ?? {};
  if (phase !== 'Bound' || conditions.some(({ type }) => type === 'Resizing')) return false;
  return requestOf(claim).cmp(amountOf(capacity, 'storage')) > 0;
}
