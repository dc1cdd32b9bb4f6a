/**
 * What a node has to do with an object: through the pods bound to it, and what they refer to
 * (upstream `plugin/pkg/auth/authorizer/node/graph.go`). Upstream keeps a graph; here the objects themselves are asked,
 * and the list of pods by node only says which ones to ask.
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Lister, Listers } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { listerIfServed } from './optional-lister.ts';
import type { PodReferences } from './pod-references.ts';
import { referencesOf } from './pod-references.ts';
import { whileUnchanged } from './rbac-grants.ts';

export interface ObjectName {
  namespace: string;
  name: string;
}

export type RelatedKind =
  | 'configMap'
  | 'secret'
  | 'claim'
  | 'volume'
  | 'volumeAttachment'
  | 'resourceClaim'
  | 'resourceSlice'
  | 'serviceAccount'
  | 'pod';

interface SecretRef {
  name?: string;
  namespace?: string;
}

interface PersistentVolume extends ApiObject {
  spec?: {
    claimRef?: { namespace?: string; name?: string };
    csi?: Partial<Record<(typeof CSI_SECRETS)[number], SecretRef>>;
    azureFile?: { secretName?: string; secretNamespace?: string };
  } & Partial<Record<(typeof SOURCES_WITH_SECRET)[number], { secretRef?: SecretRef }>>;
}

interface PersistentVolumeClaim extends ApiObject {
  spec?: { volumeName?: string };
}

/** Secrets of a CSI volume that the node itself uses; those of the controllers are none of its business. */
const CSI_SECRETS = ['nodePublishSecretRef', 'nodeStageSecretRef', 'nodeExpandSecretRef'] as const;
const SOURCES_WITH_SECRET = ['cephfs', 'cinder', 'flexVolume', 'rbd', 'scaleIO', 'iscsi', 'storageos'] as const;

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

type PodsByNode = Map<string, Map<string, string[]>>;

export class NodeGraph {
  readonly #pods: Lister<Pod>;
  readonly #claims: Lister<PersistentVolumeClaim>;
  readonly #volumes: Lister<PersistentVolume>;
  readonly #attachments: Lister<ApiObject & { spec?: { nodeName?: string } }>;
  readonly #slices: Lister<ApiObject & { spec?: { nodeName?: string } }>;
  readonly #podsByNode: () => { value: PodsByNode };
  /** May be behind: whatever it names is looked up before it counts. */
  #hint: PodsByNode = new Map();

  constructor(listers: Listers) {
    this.#pods = listerIfServed(listers, { group: '', plural: 'pods' });
    this.#claims = listerIfServed(listers, { group: '', plural: 'persistentvolumeclaims' });
    this.#volumes = listerIfServed(listers, { group: '', plural: 'persistentvolumes' });
    this.#attachments = listerIfServed(listers, { group: 'storage.k8s.io', plural: 'volumeattachments' });
    this.#slices = listerIfServed(listers, { group: 'resource.k8s.io', plural: 'resourceslices' });
    this.#podsByNode = whileUnchanged(this.#pods, () => indexByNode(this.#pods.list()));
  }

  isRelated(nodeName: string, kind: RelatedKind, object: ObjectName): boolean {
    switch (kind) {
      case 'pod':
        return this.#podOn(nodeName, object) !== undefined;
      case 'configMap':
        return this.#isReferred(nodeName, object, ({ configMaps }) => configMaps);
      case 'claim':
        return this.#isReferred(nodeName, object, ({ claims }) => claims);
      case 'resourceClaim':
        return this.#isReferred(nodeName, object, ({ resourceClaims }) => resourceClaims);
      case 'serviceAccount':
        return this.#isReferred(nodeName, object, ({ serviceAccount }) => new Set([serviceAccount]));
      case 'secret':
        return this.#isReferred(nodeName, object, ({ secrets }) => secrets) || this.#isVolumeSecret(nodeName, object);
      case 'volume':
        return this.#isVolumeOf(nodeName, this.#volumes.get('', object.name));
      case 'volumeAttachment':
        return this.#attachments.get('', object.name)?.spec?.nodeName === nodeName;
      case 'resourceSlice':
        return this.#slices.get('', object.name)?.spec?.nodeName === nodeName;
    }
  }

  /** First among the pods that were there when somebody last looked; only then among those of now. */
  #isReferred(
    nodeName: string,
    { namespace, name }: ObjectName,
    names: (r: PodReferences) => ReadonlySet<string>,
  ): boolean {
    const refersToIt = (pod: Pod): boolean => names(referencesOf(pod)).has(name);
    return this.#somePod({ nodeName, namespace }, refersToIt);
  }

  #somePod(where: { nodeName: string; namespace: string | undefined }, holds: (pod: Pod) => boolean): boolean {
    if (this.#somePodOf(this.#hint, where, holds)) return true;
    const now = this.#podsByNode().value;
    if (now === this.#hint) return false;
    this.#hint = now;
    return this.#somePodOf(now, where, holds);
  }

  #somePodOf(
    index: PodsByNode,
    { nodeName, namespace }: { nodeName: string; namespace: string | undefined },
    holds: (pod: Pod) => boolean,
  ): boolean {
    const byNamespace = index.get(nodeName);
    const namespaces = namespace === undefined ? [...(byNamespace?.keys() ?? [])] : [namespace];
    return namespaces.some((home) =>
      (byNamespace?.get(home) ?? []).some((name) => {
        const pod = this.#podOn(nodeName, { namespace: home, name });
        // A mirror pod is the node's own doing and must not open anything to it.
        return pod !== undefined && pod.metadata.annotations?.[MIRROR_ANNOTATION] === undefined && holds(pod);
      }),
    );
  }

  #podOn(nodeName: string, { namespace, name }: ObjectName): Pod | undefined {
    const pod = this.#pods.get(namespace, name);
    return pod?.spec?.nodeName === nodeName ? pod : undefined;
  }

  #isVolumeOf(nodeName: string, volume: PersistentVolume | undefined): boolean {
    const { namespace = '', name = '' } = volume?.spec?.claimRef ?? {};
    if (name === '') return false;
    return this.#isReferred(nodeName, { namespace, name }, ({ claims }) => claims);
  }

  /** A secret that a volume needs whose claim a pod of the node uses. */
  #isVolumeSecret(nodeName: string, secret: ObjectName): boolean {
    return this.#somePod({ nodeName, namespace: undefined }, (pod) => {
      const { namespace = '' } = pod.metadata;
      return [...referencesOf(pod).claims].some((name) => {
        const volumeName = this.#claims.get(namespace, name)?.spec?.volumeName ?? '';
        const volume = volumeName === '' ? undefined : this.#volumes.get('', volumeName);
        return volume !== undefined && isClaimedBy(volume, { namespace, name }) && needsSecret(volume, secret);
      });
    });
  }
}

function indexByNode(pods: readonly Pod[]): PodsByNode {
  const index: PodsByNode = new Map();
  for (const { metadata, spec } of pods) {
    const { nodeName = '' } = spec ?? {};
    if (nodeName === '') continue;
    let byNamespace = index.get(nodeName);
    if (byNamespace === undefined) index.set(nodeName, (byNamespace = new Map()));
    const { namespace = '', name = '' } = metadata;
    const names = byNamespace.get(namespace);
    if (names === undefined) byNamespace.set(namespace, [name]);
    else names.push(name);
  }
  return index;
}

function isClaimedBy({ spec }: PersistentVolume, { namespace, name }: ObjectName): boolean {
  return spec?.claimRef?.namespace === namespace && spec.claimRef.name === name;
}

/** References without a namespace mean the claim's. */
function needsSecret({ spec }: PersistentVolume, secret: ObjectName): boolean {
  const references = [
    ...CSI_SECRETS.map((key) => spec?.csi?.[key]),
    ...SOURCES_WITH_SECRET.map((key) => spec?.[key]?.secretRef),
    spec?.azureFile && { name: spec.azureFile.secretName, namespace: spec.azureFile.secretNamespace },
  ];
  const home = spec?.claimRef?.namespace;
  return references.some((ref) => ref?.name === secret.name && (ref.namespace || home) === secret.namespace);
}
