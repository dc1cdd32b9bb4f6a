/** A PUT or an apply that would create needs the right to create, too (apiserver `handlers/create.go withAuthorization`). */
import * as errors from '../../api/machinery/errors.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import { forbiddenMessage } from '../authz/authorizer.ts';
import type { RequestContext } from '../request-context.ts';
import { pathName } from '../request-info.ts';

/** Throws Forbidden. */
export function authorizeCreate({ info, user }: RequestContext, authorize: Authorizer): void {
  const attributes = { ...info, user, verb: 'create', name: pathName(info) };
  const { decision, reason } = authorize(attributes);
  if (decision === 'allow') return;
  const cause = forbiddenMessage(attributes) + (reason === '' ? '' : `: ${reason}`);
  throw errors.forbiddenError({ group: info.apiGroup, resource: info.resource }, attributes.name, cause);
}
