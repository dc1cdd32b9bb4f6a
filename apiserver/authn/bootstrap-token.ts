/** Recognizes bootstrap tokens (upstream `plugin/pkg/auth/authenticator/token/bootstrap`). */
import { createHash, timingSafeEqual } from 'node:crypto';
import {
  bootstrapGroups,
  bootstrapSecretName,
  BOOTSTRAP_TOKEN_NAMESPACE,
  parseBootstrapToken,
  usableToken,
} from '../../api/core/v1/bootstrap-token.ts';
import type { Secret } from '../../api/core/v1/secret.ts';
import type { Listers } from '../../api/machinery/handler.ts';
import type { Clock } from '../../base/clock.ts';
import { listerIfServed } from '../authz/optional-lister.ts';
import type { TokenAuthenticator } from './bearer-token.ts';
import { AUTHENTICATED_GROUP } from './service-account-claims.ts';

/** Answers nobody for a token whose secret is not there, wrong, over, or not meant for this. Good for any audience. */
export function bootstrapTokenAuthenticator({
  listers,
  clock,
}: {
  listers: Listers;
  clock: Clock;
}): TokenAuthenticator {
  const secrets = listerIfServed<Secret>(listers, { group: '', plural: 'secrets' });
  return (text, audiences) => {
    const shown = parseBootstrapToken(text);
    if (shown === undefined) return undefined;
    const secret = secrets.get(BOOTSTRAP_TOKEN_NAMESPACE, bootstrapSecretName(shown.id));
    const known = secret && usableToken(secret, 'authentication', clock.now());
    if (known === undefined || !isSame(known.secret, shown.secret)) return undefined;
    const groups = bootstrapGroups(secret!);
    if (groups === undefined) return undefined;
    return { user: { name: `system:bootstrap:${known.id}`, groups: [...groups, AUTHENTICATED_GROUP] }, audiences };
  };
}

/** Takes as long whatever the texts have in common. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
