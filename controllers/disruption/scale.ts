/**
 * How many pods the controllers of a budget's pods declare (upstream `pkg/controller/disruption/disruption.go`
 * getExpectedScale and its finders).
 */
import { customKindsOf } from '../../api/apiextensions/v1/custom-kinds.ts';
import { customResourceDefinitions } from '../../api/apiextensions/v1/custom-resource-definition.ts';
import type { CustomResourceDefinition } from '../../api/apiextensions/v1/types.ts';
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import { deployments } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { replicaSets } from '../../api/apps/v1/replica-set.ts';
import { statefulSets } from '../../api/apps/v1/stateful-set.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { replicationControllers } from '../../api/core/v1/replication-controller.ts';
import { formatGroupResource, isNotFound } from '../../api/machinery/errors.ts';
import type { ApiObject, OwnerReference } from '../../api/machinery/meta.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import type { ResourceRef } from '../../client/client.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { controllerOf, refersTo } from '../../client/owner-references.ts';

/** Kinds that are read from the cache; every other one is asked for its scale. */
export const SCALED_KINDS: readonly ResourceRef[] = [replicationControllers, deployments, replicaSets, statefulSets];

export interface ExpectedScale {
  /** The sum over the pods' controllers. */
  scale: number;
  /** Some pods have no controller. */
  hasUnmanaged: boolean;
}

interface FoundController {
  uid: string;
  replicas: number;
}

/** Throws, with what is wrong, for a pod whose controller is not there or has no scale. */
export async function expectedScale(
  pods: readonly Pod[],
  builtIn: readonly Resource[],
  context: ControllerContext,
): Promise<ExpectedScale> {
  const asked = new Set<string>();
  const scales = new Map<string, number>();
  let hasUnmanaged = false;
  for (const pod of pods) {
    const reference = controllerOf(pod);
    if (reference === undefined) hasUnmanaged = true;
    if (reference === undefined || asked.has(reference.uid)) continue;
    asked.add(reference.uid);
    const namespace = pod.metadata.namespace ?? '';
    const found =
      cachedController(namespace, reference, context) ?? (await scaleOf(namespace, reference, { builtIn, context }));
    if (found === undefined) throw new Error(`found no controllers for pod ${JSON.stringify(pod.metadata.name)}`);
    scales.set(found.uid, found.replicas);
  }
  return { scale: [...scales.values()].reduce((sum, replicas) => sum + replicas, 0), hasUnmanaged };
}

/** A ReplicaSet of a Deployment stands for the Deployment. */
function cachedController(
  namespace: string,
  reference: OwnerReference,
  context: ControllerContext,
): FoundController | undefined {
  const kind = SCALED_KINDS.find((one) => refersTo(reference, one));
  if (kind === undefined) return undefined;
  const object = context.lister<ApiObject & { spec: { replicas?: number } }>(kind).get(namespace, reference.name);
  if (object === undefined || object.metadata.uid !== reference.uid) return undefined;
  const owner = kind === replicaSets ? controllerOf(object as ReplicaSet) : undefined;
  if (owner !== undefined && refersTo(owner, deployments)) {
    const deployment = context.lister<Deployment>(deployments).get(namespace, owner.name);
    if (deployment === undefined || deployment.metadata.uid !== owner.uid) return undefined;
    return { uid: owner.uid, replicas: deployment.spec.replicas ?? 1 };
  }
  return { uid: reference.uid, replicas: object.spec.replicas ?? 1 };
}

interface Scale extends ApiObject {
  spec?: { replicas?: number };
}

async function scaleOf(
  namespace: string,
  reference: OwnerReference,
  { builtIn, context }: { builtIn: readonly Resource[]; context: ControllerContext },
): Promise<FoundController | undefined> {
  const { kind, hasScale } = kindOf(reference, builtIn, context);
  const resource = formatGroupResource({ group: kind.group, resource: kind.names.plural });
  if (!hasScale) throw new Error(`${resource} does not implement the scale subresource`);
  try {
    const name = { namespace, name: reference.name };
    const scale = await context.client.get<Scale>(kind, name, { subresource: 'scale' });
    if (scale.metadata.uid !== reference.uid) return undefined;
    return { uid: reference.uid, replicas: scale.spec?.replicas ?? 0 };
  } catch (error) {
    // It is the object that is missing; a scale that the kind has only just got may not be served yet.
    if (isNotFound(error) && error.status.details?.name === reference.name) return undefined;
    throw error;
  }
}

/** Throws for a kind that is not served. */
function kindOf(
  reference: OwnerReference,
  builtIn: readonly Resource[],
  context: ControllerContext,
): { kind: ResourceRef; hasScale: boolean } {
  const known = builtIn.find((one) => refersTo(reference, one));
  if (known !== undefined) return { kind: known, hasScale: known.subresources?.scale !== undefined };
  const [group = '', version = ''] = reference.apiVersion.includes('/')
    ? reference.apiVersion.split('/')
    : ['', reference.apiVersion];
  for (const definition of context.lister<CustomResourceDefinition>(customResourceDefinitions).list()) {
    if (definition.spec.group !== group || definition.spec.names.kind !== reference.kind) continue;
    const kind = customKindsOf(definition).find((one) => one.version === version);
    if (kind === undefined) continue;
    const { subresources } = definition.spec.versions.find(({ name }) => name === version)!;
    return { kind, hasScale: subresources?.scale !== undefined };
  }
  throw new Error(
    `no matches for kind ${JSON.stringify(reference.kind)} in version ${JSON.stringify(reference.apiVersion)}`,
  );
}
