/** RootCaPublisher: every namespace has the cluster's CA in a ConfigMap (upstream `pkg/controller/certificates/rootcacertpublisher`). */
import type { ConfigMap } from '../api/core/v1/config-map.ts';
import { configMaps } from '../api/core/v1/config-map.ts';
import type { Namespace } from '../api/core/v1/namespace.ts';
import { namespaces } from '../api/core/v1/namespace.ts';
import { isAlreadyExists } from '../api/machinery/errors.ts';
import type { Controller } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';

export const ROOT_CA_CONFIG_MAP = 'kube-root-ca.crt';
const DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. ' +
  'No other usage is guaranteed across distributions of Kubernetes clusters.';

/** `rootCa` is PEM. */
export function rootCaPublisher(rootCa: string): Controller {
  const data = { 'ca.crt': rootCa };
  const annotations = { 'kubernetes.io/description': DESCRIPTION };
  return defineController<Namespace>({
    name: 'root-ca-cert-publisher',
    for: namespaces,
    watches: [
      {
        resource: configMaps,
        map: ({ metadata }) => (metadata.name === ROOT_CA_CONFIG_MAP ? [metadata.namespace ?? ''] : []),
      },
    ],
    writes: [configMaps],
    async reconcile({ name: namespace }, context) {
      const found = context.lister<Namespace>(namespaces).get('', namespace);
      if (found === undefined || found.metadata.deletionTimestamp !== undefined) return undefined;
      const published = context.lister<ConfigMap>(configMaps).get(namespace, ROOT_CA_CONFIG_MAP);
      if (published === undefined) {
        const metadata = { name: ROOT_CA_CONFIG_MAP, namespace, annotations };
        try {
          await context.client.create<ConfigMap>(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
        } catch (error) {
          if (!isAlreadyExists(error)) throw error;
        }
      } else if (JSON.stringify(published.data) !== JSON.stringify(data)) {
        const metadata = { ...published.metadata, annotations: { ...published.metadata.annotations, ...annotations } };
        await context.client.update<ConfigMap>(configMaps, { ...published, metadata, data });
      }
      return undefined;
    },
  });
}
