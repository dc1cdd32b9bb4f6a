/** The table of invariants. */
import { atRest } from './at-rest.ts';
import { deploymentBounds } from './deployment-bounds.ts';
import type { Invariant } from './invariant.ts';
import { placement } from './placement.ts';
import { replicaCount } from './replica-count.ts';

export const invariants: readonly Invariant[] = [placement, replicaCount, deploymentBounds, atRest];
