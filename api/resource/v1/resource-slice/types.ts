/** The wire type of ResourceSlice. */
import type { V1ResourceSlice } from '@kubernetes/client-node';
import type { WireObject } from '../../../machinery/meta.ts';

export type ResourceSlice = WireObject<V1ResourceSlice>;
