/** Finds what an autoscaler scales, of whatever kind, and reads and writes its scale. */
import { customResourceDefinitions } from '../../api/apiextensions/v1/custom-resource-definition.ts';
import type { CustomResourceDefinition } from '../../api/apiextensions/v1/types.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import type { ResourceRef } from '../../client/client.ts';
import type { CacheReader, ControllerContext } from '../../client/controller.ts';

/** autoscaling/v1 */
export interface Scale extends ApiObject {
  spec?: { replicas?: number };
  status?: { replicas?: number; selector?: string };
}

export interface TargetReference {
  apiVersion?: string | undefined;
  kind: string;
  name: string;
}

/** Every version of a kind scales the same objects: the one that is stored is as good as any. Throws upstream's words. */
export function resolveKind(
  { apiVersion = '', kind }: TargetReference,
  resources: readonly Resource[],
  cache: CacheReader,
): ResourceRef {
  const group = groupOf(apiVersion);
  const builtIn = resources.find((one) => one.group === group && one.names.kind === kind && one.view === undefined);
  const found = builtIn ?? customKind(group, kind, cache);
  if (found !== undefined) return found;
  throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
}

function groupOf(apiVersion: string): string {
  const parts = apiVersion.split('/');
  if (parts.length > 2) throw new Error(`unexpected GroupVersion string: ${apiVersion}`);
  return parts.length === 2 ? parts[0]! : '';
}

function customKind(group: string, kind: string, { lister }: CacheReader): ResourceRef | undefined {
  const definition = lister<CustomResourceDefinition>(customResourceDefinitions)
    .list()
    .find(({ spec }) => spec.group === group && spec.names.kind === kind);
  const version = definition?.spec.versions.find(({ served }) => served)?.name;
  if (definition === undefined || version === undefined) return undefined;
  const { scope, names } = definition.spec;
  return { group, version, scope: scope === 'Cluster' ? 'Cluster' : 'Namespaced', names };
}

export function readScale(
  resource: ResourceRef,
  { namespace, name }: { namespace: string; name: string },
  { client, signal }: Pick<ControllerContext, 'client' | 'signal'>,
): Promise<Scale> {
  return client.get<Scale>(resource, { namespace, name }, { subresource: 'scale', signal });
}

/** Refused when somebody else has changed the target meanwhile. */
export async function writeScale(
  resource: ResourceRef,
  scale: Scale,
  { client, signal }: Pick<ControllerContext, 'client' | 'signal'>,
): Promise<void> {
  await client.update<Scale>(resource, scale, { subresource: 'scale', signal });
}
