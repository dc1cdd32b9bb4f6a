/** Members of `system:masters` may do everything, whatever the roles say. */
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { Authorizer } from './authorizer.ts';

export const SUPERUSER_GROUP = 'system:masters';

export const superuserAuthorizer: Authorizer = ({ user }) =>
  isSuperuser(user) ? { decision: 'allow', reason: '' } : { decision: 'no-opinion', reason: '' };

export function isSuperuser(user: UserInfo): boolean {
  return user.groups.includes(SUPERUSER_GROUP);
}
