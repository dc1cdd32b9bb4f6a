/**
 * BootstrapSigner: signs the public description of the cluster with each bootstrap token, so that who holds one can
 * tell that it is genuine (upstream `pkg/controller/bootstrap/bootstrapsigner.go`).
 */
import { BOOTSTRAP_TOKEN_NAMESPACE, isBootstrapSecret, usableToken } from '../../api/core/v1/bootstrap-token.ts';
import type { BootstrapToken } from '../../api/core/v1/bootstrap-token.ts';
import type { ConfigMap } from '../../api/core/v1/config-map.ts';
import { configMaps } from '../../api/core/v1/config-map.ts';
import type { Secret } from '../../api/core/v1/secret.ts';
import { secrets } from '../../api/core/v1/secret.ts';
import { defineController } from '../../client/controller.ts';
import { formatKey } from '../../client/keys.ts';
import { detachedSignature } from './detached-signature.ts';

const CLUSTER_INFO = { namespace: 'kube-public', name: 'cluster-info' };
const SIGNATURE_PREFIX = 'jws-kubeconfig-';

/** A token whose time is over goes when its secret does: the token cleaner sees to that. */
export const bootstrapSigner = defineController<ConfigMap>({
  name: 'bootstrap-signer',
  for: configMaps,
  watches: [
    { resource: secrets, map: (secret) => (isBootstrapSecret(secret as Secret) ? [formatKey(CLUSTER_INFO)] : []) },
  ],
  writes: [configMaps],
  async reconcile({ namespace, name }, { lister, client, now }) {
    if (namespace !== CLUSTER_INFO.namespace || name !== CLUSTER_INFO.name) return undefined;
    const info = lister<ConfigMap>(configMaps).get(namespace, name);
    if (info === undefined || info.metadata.deletionTimestamp !== undefined) return undefined;
    const tokens = lister<Secret>(secrets)
      .list({ namespace: BOOTSTRAP_TOKEN_NAMESPACE })
      .flatMap((secret) => usableToken(secret, 'signing', now()) ?? []);
    const data = signedData(info.data ?? {}, tokens);
    if (data !== undefined) await client.update<ConfigMap>(configMaps, { ...info, data });
    return undefined;
  },
});

/** With the signatures of these tokens and no others; undefined when it has them, or when there is nothing to sign. */
export function signedData(
  data: Readonly<Record<string, string>>,
  tokens: readonly BootstrapToken[],
): Record<string, string> | undefined {
  if (!Object.hasOwn(data, 'kubeconfig')) return undefined;
  const rest = Object.entries(data).filter(([key]) => !key.startsWith(SIGNATURE_PREFIX));
  const signatures = tokens.map(
    (token) => [`${SIGNATURE_PREFIX}${token.id}`, detachedSignature(data['kubeconfig']!, token)] as const,
  );
  const isSigned =
    rest.length + signatures.length === Object.keys(data).length &&
    signatures.every(([key, signature]) => Object.hasOwn(data, key) && data[key] === signature);
  return isSigned ? undefined : Object.fromEntries([...rest, ...signatures]);
}
