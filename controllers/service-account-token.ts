/**
 * ServiceAccountToken: fills the secrets in which somebody asks for a token of a service account, and deletes those
 * whose account is gone (upstream `pkg/controller/serviceaccount/tokens_controller.go`).
 */
import { encodeBase64 } from '../api/core/v1/binary-data.ts';
import type { Secret } from '../api/core/v1/secret.ts';
import {
  secrets,
  SERVICE_ACCOUNT_NAME_ANNOTATION,
  SERVICE_ACCOUNT_TOKEN_TYPE,
  SERVICE_ACCOUNT_UID_ANNOTATION,
} from '../api/core/v1/secret.ts';
import type { ServiceAccount } from '../api/core/v1/service-account.ts';
import { serviceAccounts } from '../api/core/v1/service-account.ts';
import { legacyClaims } from '../api/core/v1/service-account-token-secret.ts';
import { isConflict, isNotFound } from '../api/machinery/errors.ts';
import type { Controller, ControllerContext, IndexDeclaration } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';
import { formatKey, keyOf } from '../client/keys.ts';

export interface TokenOptions {
  /** PEM. */
  rootCa: string;
  signToken(claims: Record<string, string>): Promise<string>;
}

const TOKEN_SECRETS: IndexDeclaration = {
  resource: secrets,
  name: 'tokenOfAccount',
  fn: (secret) => (isTokenSecret(secret as Secret) ? [accountKey(secret as Secret)] : []),
};

function isTokenSecret({ type }: Secret): boolean {
  return type === SERVICE_ACCOUNT_TOKEN_TYPE;
}

function accountKey({ metadata: { namespace = '', annotations } }: Secret): string {
  return formatKey({ namespace, name: annotations?.[SERVICE_ACCOUNT_NAME_ANNOTATION] ?? '' });
}

/** Acts as the controller manager itself. */
export function serviceAccountTokenController({ rootCa, signToken }: TokenOptions): Controller {
  return defineController<Secret>({
    name: 'kube-controller-manager',
    component: 'serviceaccount-token-controller',
    for: secrets,
    watches: [
      {
        resource: serviceAccounts,
        // Only that it comes and goes counts.
        isRelevant: () => false,
        map: (account, cache) => cache.byIndex<Secret>(secrets, TOKEN_SECRETS.name, keyOf(account)).map(keyOf),
      },
    ],
    indexes: [TOKEN_SECRETS],
    writes: [secrets],
    async reconcile({ namespace, name }, context) {
      const secret = context.lister<Secret>(secrets).get(namespace, name);
      if (secret === undefined || !isTokenSecret(secret) || secret.metadata.deletionTimestamp !== undefined)
        return undefined;
      const account = await accountOf(secret, context);
      if (account === undefined) {
        await remove(secret, context);
        return undefined;
      }
      const wanted = await filled(secret, account, { rootCa, signToken });
      if (wanted !== undefined && secret.immutable !== true) await context.client.update<Secret>(secrets, wanted);
      return undefined;
    },
  });
}

/** Undefined when it is gone, or is another one of its name. */
async function accountOf(secret: Secret, { lister, client }: ControllerContext): Promise<ServiceAccount | undefined> {
  const { namespace = '', annotations = {} } = secret.metadata;
  const name = annotations[SERVICE_ACCOUNT_NAME_ANNOTATION] ?? '';
  const uid = annotations[SERVICE_ACCOUNT_UID_ANNOTATION] ?? '';
  const isSame = (account: ServiceAccount): boolean => uid === '' || account.metadata.uid === uid;
  const cached = lister<ServiceAccount>(serviceAccounts).get(namespace, name);
  if (cached !== undefined && isSame(cached)) return cached;
  try {
    // The cache may be behind: nothing is deleted because of that.
    const account = await client.get<ServiceAccount>(serviceAccounts, { namespace, name });
    return isSame(account) ? account : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function remove(secret: Secret, { client }: ControllerContext): Promise<void> {
  const { namespace = '', name = '', uid = '', resourceVersion = '' } = secret.metadata;
  try {
    await client.delete(secrets, { namespace, name }, { preconditions: { uid, resourceVersion } });
  } catch (error) {
    // Gone, or changed: then it comes again.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}

/** The secret with all that belongs into it; undefined when that is there. */
async function filled(
  secret: Secret,
  account: ServiceAccount,
  { rootCa, signToken }: TokenOptions,
): Promise<Secret | undefined> {
  const { namespace = '', name = '', annotations = {} } = secret.metadata;
  const { name: accountName = '', uid = '' } = account.metadata;
  const data: Record<string, string> = { ...secret.data, 'ca.crt': encodeBase64(rootCa) };
  data['namespace'] ||= encodeBase64(namespace);
  if (!data['token']) {
    const claims = legacyClaims({ namespace, name: accountName, uid }, name);
    data['token'] = encodeBase64(await signToken(claims));
  }
  const isFilled =
    Object.entries(data).every(([key, value]) => secret.data?.[key] === value) &&
    annotations[SERVICE_ACCOUNT_UID_ANNOTATION] === uid;
  if (isFilled) return undefined;
  const owned = {
    ...annotations,
    [SERVICE_ACCOUNT_NAME_ANNOTATION]: accountName,
    [SERVICE_ACCOUNT_UID_ANNOTATION]: uid,
  };
  return { ...secret, metadata: { ...secret.metadata, annotations: owned }, data };
}
