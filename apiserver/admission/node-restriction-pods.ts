/** What a mirror pod, which a node makes by itself, must look like (upstream noderestriction `admitPodCreate`). */
import type { Pod } from '../../api/core/v1/pod.ts';
import * as errors from '../../api/machinery/errors.ts';
import { referencesOf } from '../authz/pod-references.ts';
import type { NodeRequest } from './node-restriction-request.ts';

export function mirrorPodProblem(node: NodeRequest, pod: Pod): string | undefined {
  const quoted = JSON.stringify(node.nodeName);
  if (pod.spec.nodeName !== node.nodeName)
    return `node ${quoted} can only create pods with spec.nodeName set to itself`;
  return ownerProblem(node, pod) ?? referenceProblem(quoted, pod);
}

function ownerProblem({ nodeName, nodes }: NodeRequest, { metadata }: Pod): string | undefined {
  const quoted = JSON.stringify(nodeName);
  const [owner, ...more] = metadata.ownerReferences ?? [];
  if (more.length > 0) return `node ${quoted} can only create pods with a single owner reference set to itself`;
  if (owner === undefined || owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== nodeName) {
    return `node ${quoted} can only create pods with an owner reference set to itself`;
  }
  if (owner.controller !== true) {
    return `node ${quoted} can only create pods with a controller owner reference set to itself`;
  }
  if (owner.blockOwnerDeletion === true) return `node ${quoted} must not set blockOwnerDeletion on an owner reference`;
  const found = nodes.get('', nodeName);
  if (found === undefined) throw errors.notFound({ group: '', resource: 'nodes' }, nodeName);
  const { uid = '' } = found.metadata;
  return owner.uid === uid ? undefined : `node ${nodeName} UID mismatch: expected ${owner.uid} got ${uid}`;
}

/** A reference to an object would let the node read it. */
function referenceProblem(quoted: string, pod: Pod): string | undefined {
  const { serviceAccount, secrets, configMaps, claims } = referencesOf(pod);
  const cannot = (what: string): string => `node ${quoted} can not create pods that reference ${what}`;
  const volumes = pod.spec.volumes ?? [];
  const sources = volumes.flatMap(({ projected }) => projected?.sources ?? []);
  if (serviceAccount !== '') return cannot('a service account');
  if (secrets.size > 0) return cannot('secrets');
  if (configMaps.size > 0) return cannot('configmaps');
  if (sources.some(({ clusterTrustBundle }) => clusterTrustBundle !== undefined)) return cannot('clustertrustbundles');
  if (claims.size > 0) return cannot('persistentvolumeclaims');
  if ((pod.spec.resourceClaims ?? []).length > 0) return cannot('resourceclaims');
  return undefined;
}
