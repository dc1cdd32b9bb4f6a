/** Wire types of quotas. */
import type { V1ResourceQuota, V1ResourceQuotaSpec } from '@kubernetes/client-node';
import type { Wire, WireObject } from '../../../machinery/meta.ts';

export type ResourceQuotaSpec = Wire<V1ResourceQuotaSpec>;

/** A decoded ResourceQuota: defaulting has seen to it that `spec` is there. */
export type ResourceQuota = Omit<WireObject<V1ResourceQuota>, 'spec'> & { spec: ResourceQuotaSpec };
