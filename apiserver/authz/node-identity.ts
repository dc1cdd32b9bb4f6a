/** Which node a user is (upstream `pkg/auth/nodeidentifier/default.go`). */
import type { UserInfo } from '../../api/machinery/handler.ts';

const USER_PREFIX = 'system:node:';
const NODES_GROUP = 'system:nodes';

/** The node's name; empty for a node without one; `undefined` for whoever is no node. */
export function nodeNameOf(user: UserInfo): string | undefined {
  if (!user.name.startsWith(USER_PREFIX) || !user.groups.includes(NODES_GROUP)) return undefined;
  return user.name.slice(USER_PREFIX.length);
}
