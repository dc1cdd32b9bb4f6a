/**
 * NodeRestriction: a node writes itself, its lease and the pods bound to it, and nothing that would bring it more
 * (upstream `plugin/pkg/admission/noderestriction/admission.go`; messages have its wording).
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { Listers } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { nodeNameOf } from '../authz/node-identity.ts';
import { listerIfServed } from '../authz/optional-lister.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';
import { certificateProblem } from './node-restriction-certificates.ts';
import { forbiddenNodeLabels } from './node-restriction-labels.ts';
import { mirrorPodProblem } from './node-restriction-pods.ts';
import type { NodeRequest } from './node-restriction-request.ts';
import { podTokenProblem } from './node-restriction-tokens.ts';

/** Answers why the request is refused; `undefined` when it is not. May throw `ApiError` itself. */
type Check = (node: NodeRequest, attributes: AdmissionAttributes) => string | undefined;

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

export function nodeRestriction(listers: Listers): AdmissionPlugin {
  const pods = listerIfServed<Pod>(listers, { group: '', plural: 'pods' });
  const nodes = listerIfServed(listers, { group: '', plural: 'nodes' });
  return {
    name: 'NodeRestriction',
    // Before other plugins change the object: what the node itself asked for counts.
    mutate(attributes) {
      const nodeName = nodeNameOf(attributes.user);
      if (nodeName === undefined || attributes.operation === 'CONNECT') return;
      if (nodeName === '') {
        refuse(attributes, `could not determine node from user ${JSON.stringify(attributes.user.name)}`);
      }
      const { group, names } = attributes.resource;
      const problem = CHECKS.get(`${names.plural}.${group}`)?.({ nodeName, pods, nodes, listers }, attributes);
      if (problem !== undefined) refuse(attributes, problem);
    },
  };
}

function refuse(attributes: AdmissionAttributes, problem: string): never {
  const { group, names } = attributes.resource;
  throw errors.forbiddenError({ group, resource: names.plural }, requestedName(attributes), problem);
}

function requestedName({ name, object }: AdmissionAttributes): string {
  return name === '' ? (object?.metadata.name ?? '') : name;
}

/** By resource and group; writes of other kinds are the authorizer's business alone. */
const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['pods.', checkPods],
  ['nodes.', checkNode],
  ['persistentvolumeclaims.', checkClaim],
  ['serviceaccounts.', checkServiceAccount],
  ['leases.coordination.k8s.io', checkLease],
  ['csinodes.storage.k8s.io', checkCsiNode],
  ['resourceslices.resource.k8s.io', checkResourceSlice],
  ['certificatesigningrequests.certificates.k8s.io', certificateProblem],
]);

function checkPods(node: NodeRequest, attributes: AdmissionAttributes): string | undefined {
  switch (attributes.subresource) {
    case '':
      return checkPod(node, attributes);
    case 'status':
      return checkPodStatus(node, attributes);
    case 'eviction':
      return checkEviction(node, attributes);
    default:
      return `unexpected pod subresource ${JSON.stringify(attributes.subresource)}, only 'status' and 'eviction' are allowed`;
  }
}

function checkPod(node: NodeRequest, attributes: AdmissionAttributes): string | undefined {
  const { operation, object } = attributes;
  const quoted = JSON.stringify(node.nodeName);
  if (operation === 'DELETE') {
    return existingPod(node, attributes).spec.nodeName === node.nodeName
      ? undefined
      : `node ${quoted} can only delete pods with spec.nodeName set to itself`;
  }
  if (operation !== 'CREATE') {
    return `unexpected operation ${JSON.stringify(operation)}, node ${quoted} can only create and delete mirror pods`;
  }
  const pod = object as Pod;
  if (pod.metadata.annotations?.[MIRROR_ANNOTATION] === undefined) {
    return `pod does not have ${JSON.stringify(MIRROR_ANNOTATION)} annotation, node ${quoted} can only create mirror pods`;
  }
  return mirrorPodProblem(node, pod);
}

function existingPod({ pods }: NodeRequest, attributes: AdmissionAttributes): Pod {
  const name = requestedName(attributes);
  const pod = pods.get(attributes.namespace, name);
  if (pod === undefined) throw errors.notFound({ group: '', resource: 'pods' }, name);
  return pod;
}

function checkPodStatus({ nodeName }: NodeRequest, attributes: AdmissionAttributes): string | undefined {
  if (attributes.operation !== 'UPDATE') return `unexpected operation ${JSON.stringify(attributes.operation)}`;
  const next = attributes.object as Pod;
  const previous = attributes.oldObject as Pod;
  const quoted = JSON.stringify(nodeName);
  if (previous.spec.nodeName !== nodeName) {
    return `node ${quoted} can only update pod status for pods with spec.nodeName set to itself`;
  }
  if (!deepEqual(next.metadata.labels ?? {}, previous.metadata.labels ?? {})) {
    return `node ${quoted} cannot update labels through pod status`;
  }
  if (!deepEqual(next.status?.resourceClaimStatuses ?? [], previous.status?.resourceClaimStatuses ?? [])) {
    return `node ${quoted} cannot update resource claim statues`;
  }
  if (!deepEqual(next.status?.extendedResourceClaimStatus, previous.status?.extendedResourceClaimStatus)) {
    return `node ${quoted} cannot update extended resource claim statues`;
  }
  return undefined;
}

function checkEviction(node: NodeRequest, attributes: AdmissionAttributes): string | undefined {
  if (attributes.operation !== 'CREATE') return `unexpected operation ${attributes.operation}`;
  if (requestedName(attributes) === '') return 'could not determine pod from request data';
  return existingPod(node, attributes).spec.nodeName === node.nodeName
    ? undefined
    : `node ${node.nodeName} can only evict pods with spec.nodeName set to itself`;
}

interface Node extends ApiObject {
  spec?: { taints?: unknown[]; configSource?: unknown };
}

function checkNode({ nodeName }: NodeRequest, attributes: AdmissionAttributes): string | undefined {
  const quoted = JSON.stringify(nodeName);
  const name = requestedName(attributes);
  if (name !== nodeName) return `node ${quoted} is not allowed to modify node ${JSON.stringify(name)}`;
  const next = attributes.object as Node | undefined;
  const previous = attributes.oldObject as Node | undefined;
  if (attributes.operation === 'CREATE' && next !== undefined) {
    if (next.spec?.configSource !== undefined) {
      return `node ${quoted} is not allowed to create pods with a non-nil configSource`;
    }
    const labels = forbiddenNodeLabels(next.metadata.labels, undefined);
    return labels.length === 0
      ? undefined
      : `node ${quoted} is not allowed to set the following labels: ${labels.join(', ')}`;
  }
  if (attributes.operation !== 'UPDATE' || next === undefined || previous === undefined) return undefined;
  return nodeUpdateProblem(quoted, next, previous);
}

function nodeUpdateProblem(quoted: string, next: Node, previous: Node): string | undefined {
  if (next.spec?.configSource !== undefined && !deepEqual(next.spec.configSource, previous.spec?.configSource)) {
    return `node ${quoted} is not allowed to update configSource to a new non-nil configSource`;
  }
  if (!deepEqual(next.spec?.taints ?? [], previous.spec?.taints ?? [])) {
    return `node ${quoted} is not allowed to modify taints`;
  }
  // An owner that is not there would have the collector delete the node, which its own rights do not allow.
  if (!deepEqual(next.metadata.ownerReferences ?? [], previous.metadata.ownerReferences ?? [])) {
    return `node ${quoted} is not allowed to modify ownerReferences`;
  }
  const labels = forbiddenNodeLabels(next.metadata.labels, previous.metadata.labels);
  return labels.length === 0 ? undefined : `is not allowed to modify labels: ${labels.join(', ')}`;
}

interface Claim extends ApiObject {
  status?: Record<string, unknown>;
}

/** What a node reports of a claim's volume. */
const CLAIM_STATUS_FIELDS = ['capacity', 'conditions', 'allocatedResourceStatuses', 'allocatedResources'];

function checkClaim({ nodeName }: NodeRequest, attributes: AdmissionAttributes): string | undefined {
  if (attributes.subresource !== 'status') return 'may only update PVC status';
  if (attributes.operation !== 'UPDATE') return `unexpected operation ${JSON.stringify(attributes.operation)}`;
  const rest = (claim: Claim): unknown => {
    const { resourceVersion: _version, managedFields: _managed, ...metadata } = claim.metadata;
    const others = Object.entries(claim.status ?? {}).filter(([field]) => !CLAIM_STATUS_FIELDS.includes(field));
    return { ...claim, metadata, status: Object.fromEntries(others) };
  };
  if (deepEqual(rest(attributes.object as Claim), rest(attributes.oldObject as Claim))) return undefined;
  return `node ${JSON.stringify(nodeName)} is not allowed to update fields other than status.capacity and status.conditions`;
}

function checkServiceAccount(node: NodeRequest, attributes: AdmissionAttributes): string | undefined {
  if (attributes.operation !== 'CREATE' || attributes.subresource !== 'token') return undefined;
  return podTokenProblem(node, attributes);
}

function checkLease({ nodeName }: NodeRequest, attributes: AdmissionAttributes): string | undefined {
  if (attributes.namespace !== 'kube-node-lease') {
    return 'can only access leases in the "kube-node-lease" system namespace';
  }
  return requestedName(attributes) === nodeName
    ? undefined
    : 'can only access node lease with the same name as the requesting node';
}

function checkCsiNode({ nodeName }: NodeRequest, attributes: AdmissionAttributes): string | undefined {
  return requestedName(attributes) === nodeName
    ? undefined
    : 'can only access CSINode with the same name as the requesting node';
}

function checkResourceSlice({ nodeName }: NodeRequest, attributes: AdmissionAttributes): string | undefined {
  const { operation, object, oldObject } = attributes;
  // What is changed is checked by the authorizer: the node's name stays.
  if (operation !== 'CREATE' && operation !== 'DELETE') return undefined;
  const slice = (operation === 'CREATE' ? object : oldObject) as
    (ApiObject & { spec?: { nodeName?: string } }) | undefined;
  return slice?.spec?.nodeName === nodeName
    ? undefined
    : `can only ${operation.toLowerCase()} ResourceSlice with the same NodeName as the requesting node`;
}
