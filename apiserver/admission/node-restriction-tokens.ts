/**
 * Which service account tokens a node may ask for: those of the pods that it runs, for the audiences that they name
 * (upstream noderestriction `admitServiceAccount`).
 */
import type { Pod, Volume } from '../../api/core/v1/pod.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { TokenRequest } from '../authn/token-request.ts';
import { listerIfServed } from '../authz/optional-lister.ts';
import type { AdmissionAttributes } from './admission.ts';
import type { NodeRequest } from './node-restriction-request.ts';

export function podTokenProblem(node: NodeRequest, attributes: AdmissionAttributes): string | undefined {
  const { spec = {} } = attributes.object as unknown as TokenRequest;
  const { apiVersion, kind, name = '', uid = '' } = spec.boundObjectRef ?? {};
  if (apiVersion !== 'v1' || kind !== 'Pod' || name === '') return 'node requested token not bound to a pod';
  if (uid === '') return 'node requested token with a pod binding without a uid';
  const pod = node.pods.get(attributes.namespace, name);
  if (pod === undefined) throw errors.notFound({ group: '', resource: 'pods' }, name);
  if (pod.metadata.uid !== uid) {
    return (
      `the UID in the bound object reference (${uid}) does not match the UID in record. ` +
      'The object might have been deleted and then recreated'
    );
  }
  if (pod.spec.nodeName !== node.nodeName) return 'node requested token bound to a pod scheduled on a different node';
  return audienceProblem(node, pod, spec.audiences ?? []);
}

function audienceProblem(node: NodeRequest, pod: Pod, audiences: readonly string[]): string | undefined {
  if (audiences.length > 1) return 'node may only request 0 or 1 audiences';
  const [audience = ''] = audiences;
  const isNamed = (pod.spec.volumes ?? []).some((volume) => namesAudience(node, { pod, volume }, audience));
  return isNamed ? undefined : `audience ${JSON.stringify(audience)} not found in pod spec volume`;
}

/** An empty audience is the API server's own. */
function namesAudience(node: NodeRequest, { pod, volume }: { pod: Pod; volume: Volume }, audience: string): boolean {
  const tokens = (volume.projected?.sources ?? []).map(({ serviceAccountToken }) => serviceAccountToken);
  if (tokens.some((token) => token !== undefined && (token.audience ?? '') === audience)) return true;
  const driver = volume.csi?.driver ?? driverOfClaim(node, pod, volume);
  return driver !== undefined && driverAudiences(node, driver).includes(audience);
}

interface ClaimLike extends ApiObject {
  spec?: { volumeName?: string; csi?: { driver?: string } };
}

function driverOfClaim({ listers }: NodeRequest, pod: Pod, volume: Volume): string | undefined {
  const ephemeral = volume.ephemeral === undefined ? undefined : `${pod.metadata.name ?? ''}-${volume.name}`;
  const claimName = volume.persistentVolumeClaim?.claimName ?? ephemeral;
  if (claimName === undefined) return undefined;
  const claims = listerIfServed<ClaimLike>(listers, { group: '', plural: 'persistentvolumeclaims' });
  const volumes = listerIfServed<ClaimLike>(listers, { group: '', plural: 'persistentvolumes' });
  const volumeName = claims.get(pod.metadata.namespace ?? '', claimName)?.spec?.volumeName ?? '';
  return volumes.get('', volumeName)?.spec?.csi?.driver;
}

interface CsiDriver extends ApiObject {
  spec?: { tokenRequests?: { audience?: string }[] };
}

function driverAudiences({ listers }: NodeRequest, name: string): string[] {
  const driver = listerIfServed<CsiDriver>(listers, { group: 'storage.k8s.io', plural: 'csidrivers' }).get('', name);
  return (driver?.spec?.tokenRequests ?? []).map(({ audience = '' }) => audience);
}
