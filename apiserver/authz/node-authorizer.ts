/**
 * What nodes may do: general rules, narrowed to what the node has to do with
 * (upstream `plugin/pkg/auth/authorizer/node/node_authorizer.go`; reasons have its wording). What the request's body
 * says is checked later, by the NodeRestriction admission plugin.
 */
import { parseFieldSelector } from '../../api/machinery/field-selector.ts';
import type { Listers } from '../../api/machinery/handler.ts';
import { clusterRoleTable } from '../../api/rbac/bootstrap/cluster-roles.ts';
import type { PolicyRule } from '../../api/rbac/v1/validation.ts';
import type { Attributes, AuthorizeResult, Authorizer } from './authorizer.ts';
import type { RelatedKind } from './node-graph.ts';
import { NodeGraph } from './node-graph.ts';
import { nodeNameOf } from './node-identity.ts';
import { rulesAllow } from './policy-rules.ts';

type Check = (graph: NodeGraph, nodeName: string, attributes: Attributes) => AuthorizeResult;

const ALLOW: AuthorizeResult = { decision: 'allow', reason: '' };

function noOpinion(reason = ''): AuthorizeResult {
  return { decision: 'no-opinion', reason };
}

export function nodeAuthorizer(listers: Listers): Authorizer {
  const graph = new NodeGraph(listers);
  const rules = nodeRules();
  return (attributes) => {
    const nodeName = nodeNameOf(attributes.user);
    if (nodeName === undefined) return noOpinion();
    if (nodeName === '') return noOpinion(`unknown node for user ${JSON.stringify(attributes.user.name)}`);
    const check = attributes.isResourceRequest
      ? CHECKS.get(`${attributes.resource}.${attributes.apiGroup}`)
      : undefined;
    if (check !== undefined) return check(graph, nodeName, attributes);
    return rulesAllow(rules, attributes) ? ALLOW : noOpinion();
  };
}

/** The rules of the role `system:node`, which is bound to nobody: they count here only. */
export function nodeRules(): readonly PolicyRule[] {
  return clusterRoleTable.find(({ metadata }) => metadata.name === 'system:node')?.rules ?? [];
}

/** By resource and group. Whatever is not here goes by the general rules alone. */
const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['secrets.', (...request) => readNamespaced('secret', ...request)],
  ['configmaps.', (...request) => readNamespaced('configMap', ...request)],
  ['persistentvolumeclaims.', checkClaim],
  ['persistentvolumes.', (...request) => getRelated('volume', ...request)],
  ['resourceclaims.resource.k8s.io', (...request) => getRelated('resourceClaim', ...request)],
  ['volumeattachments.storage.k8s.io', (...request) => getRelated('volumeAttachment', ...request)],
  ['serviceaccounts.', checkServiceAccount],
  ['leases.coordination.k8s.io', checkLease],
  ['csinodes.storage.k8s.io', checkCsiNode],
  ['resourceslices.resource.k8s.io', checkResourceSlice],
  ['nodes.', checkNode],
  ['pods.', checkPod],
]);

const READ_VERBS = ['get', 'list', 'watch'];
const OWN_OBJECT_VERBS = ['get', 'create', 'update', 'patch', 'delete'];

function related(kind: RelatedKind, graph: NodeGraph, nodeName: string, attributes: Attributes): AuthorizeResult {
  if (attributes.name === '') return noOpinion('No Object name found');
  if (graph.isRelated(nodeName, kind, attributes)) return ALLOW;
  return noOpinion(`no relationship found between node '${nodeName}' and this object`);
}

function readNamespaced(kind: RelatedKind, ...[graph, nodeName, attributes]: Parameters<Check>): AuthorizeResult {
  if (!READ_VERBS.includes(attributes.verb)) return noOpinion('can only read resources of this type');
  if (attributes.subresource !== '') return noOpinion('cannot read subresource');
  if (attributes.namespace === '') return noOpinion('can only read namespaced object of this type');
  return related(kind, graph, nodeName, attributes);
}

function getRelated(kind: RelatedKind, ...[graph, nodeName, attributes]: Parameters<Check>): AuthorizeResult {
  if (attributes.verb !== 'get') return noOpinion('can only get individual resources of this type');
  if (attributes.subresource !== '') return noOpinion('cannot get subresource');
  return related(kind, graph, nodeName, attributes);
}

function checkClaim(...[graph, nodeName, attributes]: Parameters<Check>): AuthorizeResult {
  if (attributes.subresource !== 'status') return getRelated('claim', graph, nodeName, attributes);
  const mayWrite = attributes.verb === 'update' || attributes.verb === 'patch';
  if (!mayWrite) return noOpinion('can only get/update/patch this type');
  return related('claim', graph, nodeName, attributes);
}

function checkServiceAccount(...[graph, nodeName, attributes]: Parameters<Check>): AuthorizeResult {
  const { verb, name, subresource } = attributes;
  if (verb === 'get' && subresource === '') return getRelated('serviceAccount', graph, nodeName, attributes);
  if (verb !== 'create' || name === '') return noOpinion('can only create tokens for individual service accounts');
  if (subresource !== 'token') return noOpinion('can only create token subresource of serviceaccount');
  return related('serviceAccount', graph, nodeName, attributes);
}

function checkLease(...[, nodeName, { verb, namespace, name }]: Parameters<Check>): AuthorizeResult {
  if (!OWN_OBJECT_VERBS.includes(verb)) return noOpinion('can only get, create, update, patch, or delete a node lease');
  if (namespace !== 'kube-node-lease')
    return noOpinion('can only access leases in the "kube-node-lease" system namespace');
  // A new object's name is in the body only, which admission sees.
  if (verb === 'create' || name === nodeName) return ALLOW;
  return noOpinion('can only access node lease with the same name as the requesting node');
}

function checkCsiNode(...[, nodeName, { verb, subresource, name }]: Parameters<Check>): AuthorizeResult {
  if (!OWN_OBJECT_VERBS.includes(verb)) return noOpinion('can only get, create, update, patch, or delete a CSINode');
  if (subresource !== '') return noOpinion('cannot authorize CSINode subresources');
  if (verb === 'create' || name === nodeName) return ALLOW;
  return noOpinion('can only access CSINode with the same name as the requesting node');
}

function checkResourceSlice(...[graph, nodeName, attributes]: Parameters<Check>): AuthorizeResult {
  if (attributes.subresource !== '') return noOpinion('cannot authorize ResourceSlice subresources');
  switch (attributes.verb) {
    case 'create':
      return ALLOW;
    case 'get':
    case 'update':
    case 'patch':
    case 'delete':
      return related('resourceSlice', graph, nodeName, attributes);
    case 'watch':
    case 'list':
    case 'deletecollection':
      if (selects(attributes, 'spec.nodeName', nodeName)) return ALLOW;
      return noOpinion('can only list/watch/deletecollection resourceslices with nodeName field selector');
    default:
      return noOpinion(
        'only the following verbs are allowed for a ResourceSlice: ' +
          'get, watch, list, create, update, patch, delete, deletecollection',
      );
  }
}

function checkNode(...[, nodeName, { verb, subresource, name }]: Parameters<Check>): AuthorizeResult {
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOW : noOpinion();
  if (subresource !== '') return noOpinion();
  if (verb === 'create' || verb === 'update' || verb === 'patch') return ALLOW;
  if (!READ_VERBS.includes(verb)) return noOpinion();
  if (name === nodeName) return ALLOW;
  if (name === '') return noOpinion(`node '${nodeName}' cannot read all nodes, only its own Node object`);
  return noOpinion(`node '${nodeName}' cannot read '${name}', only its own Node object`);
}

function checkPod(...[graph, nodeName, attributes]: Parameters<Check>): AuthorizeResult {
  const { verb, subresource, name } = attributes;
  switch (`${verb} ${subresource}`) {
    case 'get ':
      return getRelated('pod', graph, nodeName, attributes);
    case 'list ':
    case 'watch ':
      if (selects(attributes, 'spec.nodeName', nodeName)) return ALLOW;
      if (name !== '') return related('pod', graph, nodeName, attributes);
      return noOpinion('can only list/watch pods with spec.nodeName field selector');
    case 'create ':
    case 'delete ':
    case 'update status':
    case 'patch status':
    case 'create eviction':
      return ALLOW;
    default:
      return noOpinion();
  }
}

/** Whether the request's field selector narrows it to objects whose `field` is `value`. */
function selects({ fieldSelector = '' }: Attributes, field: string, value: string): boolean {
  try {
    const { requirements } = parseFieldSelector(fieldSelector);
    return requirements.some((one) => one.field === field && one.operator === '=' && one.value === value);
  } catch {
    return false;
  }
}
