/**
 * How many requests are worked on at once. As with upstream's flow schemas `exempt` and `probes`, administrators and
 * probes are never put off: whoever looks what is wrong with a busy cluster must get in. Nor are heartbeats
 * (`system-node-high`): a node whose heartbeat waits too long is taken for lost, which makes more work.
 */
import * as errors from '../api/machinery/errors.ts';
import { nodeNameOf } from './authz/node-identity.ts';
import { isSuperuser } from './authz/superuser.ts';
import type { Filter, RequestContext } from './request-context.ts';

const LONG_SUBRESOURCES = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);
const PROBES = /^\/(healthz|livez|readyz)(\/|$)/;

export function withMaxInFlight(max: number): Filter {
  let inFlight = 0;
  return async (context, next) => {
    if (isExempt(context)) return next(context);
    if (inFlight >= max) throw errors.tooManyRequests('too many requests, please try again later', 1);
    inFlight++;
    try {
      return await next(context);
    } finally {
      inFlight--;
    }
  };
}

/** Long requests do not count, as upstream has it. */
function isExempt(context: RequestContext): boolean {
  const { info, user } = context;
  const isLong = info.verb === 'watch' || LONG_SUBRESOURCES.has(info.subresource);
  return isLong || isSuperuser(user) || PROBES.test(info.path) || isHeartbeat(context);
}

/** A node tells of itself: there are no more of these at once than there are nodes. */
function isHeartbeat({ info: { apiGroup, resource, name }, user }: RequestContext): boolean {
  const isOfNode =
    (resource === 'nodes' && apiGroup === '') || (resource === 'leases' && apiGroup === 'coordination.k8s.io');
  return isOfNode && name !== '' && name === nodeNameOf(user);
}
