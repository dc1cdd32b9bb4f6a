/** `pods/binding`: puts a pod on a node (upstream `pkg/registry/core/pod/storage/storage.go` BindingREST). */
import type { ApiResponse } from '../../../api/machinery/handler.ts';
import type { ApiObject } from '../../../api/machinery/meta.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import * as errors from '../../../api/machinery/errors.ts';
import { formatTime } from '../../../base/clock.ts';
import { decodeAs } from '../../decode.ts';
import { pathName } from '../../request-info.ts';
import { objectResponse } from '../../responses.ts';
import type { Subresource, VerbHandler } from '../../router.ts';
import type { RequestContext } from '../../request-context.ts';
import type { VerbDependencies } from '../../verbs/dependencies.ts';
import type { ServedKind } from '../served-kind.ts';
import { writeContext } from '../../verbs/write-context.ts';

interface Binding extends ApiObject {
  target?: { kind?: string; name?: string };
}

const BINDING = { schema: 'V1Binding', kind: 'Binding', apiVersion: 'v1' };
const PODS = { group: '', resource: 'pods/binding' };

function checkBinding(binding: Binding, name: string): string {
  const { target } = binding;
  const problem = (text: string): errors.ApiError =>
    new errors.ApiError({
      code: 422,
      reason: 'Invalid',
      message: `Binding ${JSON.stringify(name)} is invalid: ${text}`,
      details: { name, kind: 'Binding' },
    });
  if (target?.kind !== undefined && target.kind !== '' && target.kind !== 'Node') {
    throw problem(
      `target.kind: Unsupported value: ${JSON.stringify(target.kind)}: supported values: "Node", "<empty>"`,
    );
  }
  if (target?.name === undefined || target.name === '') throw problem('target.name: Required value');
  return target.name;
}

/** The pod with its node, its PodScheduled condition, and what the binding adds to its metadata; the rest is shared. */
function bound(pod: Pod, node: string, { binding, nowMs }: { binding: Binding; nowMs: number }): Pod {
  const name = pod.metadata.name ?? '';
  const refuse = (cause: string): never => {
    throw errors.conflict(PODS, name, cause);
  };
  if (pod.metadata.deletionTimestamp !== undefined)
    refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if ((pod.spec!.nodeName ?? '') !== '')
    refuse(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec!.nodeName)}`);
  if ((pod.spec!.schedulingGates ?? []).length > 0) refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  const { annotations, labels } = binding.metadata;
  const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: formatTime(nowMs), ...observed(pod) };
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  // `ClearingNominatedNodeNameAfterBinding`
  const { nominatedNodeName: _, ...status } = pod.status ?? {};
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(hasEntries(annotations) && { annotations: { ...pod.metadata.annotations, ...annotations } }),
      ...(hasEntries(labels) && { labels: { ...pod.metadata.labels, ...labels } }),
    },
    spec: { ...pod.spec, nodeName: node },
    status: { ...status, conditions: [...others, scheduled] } as NonNullable<Pod['status']>,
  };
}

function hasEntries(map: Record<string, string> | undefined): boolean {
  return Object.keys(map ?? {}).length > 0;
}

function observed(pod: Pod): { observedGeneration?: number } {
  return pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation };
}

const create: VerbHandler = (context, kind, dependencies) => {
  const binding = decodeAs<Binding>(context, BINDING, dependencies.schemas);
  const name = pathName(context.info);
  binding.metadata ??= {};
  if ((binding.metadata.name ?? name) !== name)
    throw errors.badRequest('the name of the object does not match the name on the URL');
  return bind(context, { kind, binding, name }, dependencies);
};

/** POST of a Binding that names its pod itself (`LegacyBindingREST`). */
export function bindingCreation(podKind: () => ServedKind): VerbHandler {
  return (context, _kind, dependencies) => {
    const binding = decodeAs<Binding>(context, BINDING, dependencies.schemas);
    const { name = '', namespace = context.info.namespace } = (binding.metadata ??= {});
    if (namespace !== context.info.namespace)
      throw errors.badRequest('the namespace of the provided object does not match the namespace sent on the request');
    if (name === '') throw errors.badRequest('name is required');
    return bind(context, { kind: podKind(), binding, name }, dependencies);
  };
}

async function bind(
  context: RequestContext,
  { kind, binding, name }: { kind: ServedKind; binding: Binding; name: string },
  { store, clock }: VerbDependencies,
): Promise<ApiResponse> {
  const key = { namespace: context.info.namespace, name };
  const write = writeContext(context);
  await store.admit(kind, binding, { key, subresource: 'binding', context: write, form: BINDING });
  const node = checkBinding(binding, name);
  await store.update({
    kind,
    key,
    subresource: 'binding',
    context: write,
    isAdmitted: true,
    retriesLostRace: true,
    sharesCurrent: true,
    transform: (current) => {
      const { uid } = binding.metadata;
      if (uid !== undefined && uid !== '' && uid !== current.metadata.uid) {
        throw errors.conflict(
          PODS,
          name,
          `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid ?? ''}`,
        );
      }
      return bound(current as Pod, node, { binding, nowMs: clock.now() }) as unknown as ApiObject;
    },
  });
  return objectResponse({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }, 201);
}

export const bindingSubresource: Subresource = {
  name: 'binding',
  kind: { group: '', version: 'v1', kind: 'Binding' },
  verbs: { create },
};
