/** The wire type of a `v1` Event, which is also how events are stored. */
import type { CoreV1Event } from '@kubernetes/client-node';
import type { WireObject } from '../../../machinery/meta.ts';

export type Event = WireObject<CoreV1Event>;
