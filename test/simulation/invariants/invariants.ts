/** The table of invariants. */
import { atRest } from './at-rest.ts';
import { deploymentBounds } from './deployment-bounds.ts';
import { endpointSliceContents } from './endpoint-slices.ts';
import type { Invariant } from './invariant.ts';
import { nodeLoss } from './node-loss.ts';
import { placement } from './placement.ts';
import { quotas } from './quotas.ts';
import { replicaCount } from './replica-count.ts';

export const invariants: readonly Invariant[] = [
  placement,
  nodeLoss,
  replicaCount,
  deploymentBounds,
  endpointSliceContents,
  quotas,
  atRest,
];
