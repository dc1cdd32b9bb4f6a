/** The wire types of ResourceClaim and of what it asks for. */
import type { ResourceV1ResourceClaim, V1ResourceClaimSpec } from '@kubernetes/client-node';
import type { Wire, WireObject } from '../../../machinery/meta.ts';

export type ResourceClaim = WireObject<ResourceV1ResourceClaim>;
export type ResourceClaimSpec = Wire<V1ResourceClaimSpec>;
