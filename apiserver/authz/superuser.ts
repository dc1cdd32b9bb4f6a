/** Members of `system:masters` may do everything, whatever the roles say. */
import type { Authorizer } from './authorizer.ts';

export const superuserAuthorizer: Authorizer = ({ user }) =>
  user.groups.includes('system:masters') ? { decision: 'allow', reason: '' } : { decision: 'no-opinion', reason: '' };
