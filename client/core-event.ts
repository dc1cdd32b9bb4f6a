/** The core/v1 Event as a recorder writes it. */
import type { ApiObject } from '../api/machinery/meta.ts';
import type { ObjectReference } from './event-names.ts';

export interface CoreEvent extends ApiObject {
  involvedObject: ObjectReference;
  reason: string;
  message: string;
  type: string;
  count: number;
  firstTimestamp: string;
  lastTimestamp: string;
  source: { component: string; host?: string };
  reportingComponent: string;
  reportingInstance: string;
  action?: string;
  related?: ObjectReference;
}
