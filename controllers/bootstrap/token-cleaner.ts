/** TokenCleaner: deletes bootstrap tokens whose time is over (upstream `pkg/controller/bootstrap/tokencleaner.go`). */
import { expiresAtMs, isBootstrapSecret } from '../../api/core/v1/bootstrap-token.ts';
import type { Secret } from '../../api/core/v1/secret.ts';
import { secrets } from '../../api/core/v1/secret.ts';
import { isConflict, isNotFound } from '../../api/machinery/errors.ts';
import { defineController } from '../../client/controller.ts';

/** Longer than a timer can wait, the key is looked at again in between. */
const LONGEST_WAIT_MS = 86_400_000;

export const tokenCleaner = defineController<Secret>({
  name: 'token-cleaner',
  for: secrets,
  writes: [secrets],
  async reconcile({ namespace, name }, { lister, client, now }) {
    const secret = lister<Secret>(secrets).get(namespace, name);
    if (secret === undefined || !isBootstrapSecret(secret)) return undefined;
    if (secret.metadata.deletionTimestamp !== undefined) return undefined;
    const leftMs = expiresAtMs(secret) - now();
    if (leftMs === Infinity) return undefined;
    if (leftMs > 0) return { requeueAfterMs: Math.min(leftMs, LONGEST_WAIT_MS) };
    const { uid = '', resourceVersion = '' } = secret.metadata;
    try {
      // Of this version: somebody may just have given it more time.
      await client.delete(secrets, { namespace, name }, { preconditions: { uid, resourceVersion } });
    } catch (error) {
      // Gone, or changed: then it comes again.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
    return undefined;
  },
});
