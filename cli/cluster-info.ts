/**
 * What a machine that knows nothing yet may read of the cluster: its address and its authority, in kube-public
 * (upstream `cmd/kubeadm/app/phases/bootstraptoken/clusterinfo`).
 */
import { stringify } from 'yaml';
import type { ConfigMap } from '../api/core/v1/config-map.ts';
import { configMaps } from '../api/core/v1/config-map.ts';
import { roleBindings } from '../api/rbac/v1/role-binding.ts';
import { roles } from '../api/rbac/v1/role.ts';
import { isNotFound } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Client } from '../client/client.ts';
import { ensure } from './bootstrap.ts';

const PLACE = { namespace: 'kube-public', name: 'cluster-info' };
const READER = { namespace: 'kube-public', name: 'kubeadm:bootstrap-signer-clusterinfo' };
const ANONYMOUS = 'system:anonymous';
/** On the ConfigMap: whether a start brings it up to date. Without it, it is somebody else's. */
const AUTOUPDATE = 'nocher.io/autoupdate';

export interface ClusterInfo {
  /** `https://192.0.2.10:6443` */
  server: string;
  /** PEM. */
  ca: string;
}

/** A kubeconfig without users and contexts. */
export function clusterInfoKubeconfig({ server, ca }: ClusterInfo): string {
  const cluster = { 'certificate-authority-data': Buffer.from(ca).toString('base64'), server };
  return stringify(
    {
      apiVersion: 'v1',
      clusters: [{ cluster, name: '' }],
      contexts: null,
      'current-context': '',
      kind: 'Config',
      users: null,
    },
    { version: '1.1', lineWidth: 0 },
  );
}

/** Who takes away the right to read it without a name means it: it is given only with the ConfigMap. */
export async function publishClusterInfo(client: Client, info: ClusterInfo): Promise<void> {
  const data = { kubeconfig: clusterInfoKubeconfig(info) };
  const found = await findInfo(client);
  if (found === undefined) {
    await letAnybodyRead(client);
    const metadata = { ...PLACE, annotations: { [AUTOUPDATE]: 'true' } };
    await ensure(client, configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data } as ApiObject);
    return;
  }
  const isOurs = found.metadata.annotations?.[AUTOUPDATE] === 'true';
  if (isOurs && found.data?.['kubeconfig'] !== data.kubeconfig)
    await client.patch<ConfigMap>(configMaps, PLACE, { type: 'merge', body: { data } });
}

async function findInfo(client: Client): Promise<ConfigMap | undefined> {
  try {
    return await client.get<ConfigMap>(configMaps, PLACE);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** This one object. */
async function letAnybodyRead(client: Client): Promise<void> {
  const apiGroup = 'rbac.authorization.k8s.io';
  const common = { apiVersion: `${apiGroup}/v1`, metadata: READER };
  const rule = { apiGroups: [''], resources: ['configmaps'], resourceNames: [PLACE.name], verbs: ['get'] };
  await ensure(client, roles, { ...common, kind: 'Role', rules: [rule] } as ApiObject);
  await ensure(client, roleBindings, {
    ...common,
    kind: 'RoleBinding',
    roleRef: { apiGroup, kind: 'Role', name: READER.name },
    subjects: [{ apiGroup, kind: 'User', name: ANONYMOUS }],
  } as ApiObject);
}
