/** VolumeZone: bound volumes that carry a zone or region want a node there (`plugins/volumezone/volume_zone.go`). */
import { storageClassOf } from '../../api/core/v1/volume/access-modes.ts';
import type { PersistentVolume } from '../../api/core/v1/persistent-volume.ts';
import { CONTINUE, SKIP, stateKey } from '../framework.ts';
import type { Plugin, PreFilterResult, Rejection } from '../framework.ts';
import { podClaims, usesClaim } from '../pod-claims.ts';
import type { StorageReader } from '../storage-view.ts';

const REJECTION: Rejection = {
  code: 'UnschedulableAndUnresolvable',
  reasons: ['node(s) had no available volume zone'],
};

/** Labels of volumes and nodes, and what the older ones are called now. */
const TOPOLOGY: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region': 'topology.kubernetes.io/region',
};

interface Place {
  key: string;
  values: ReadonlySet<string>;
}

const PLACES = stateKey<readonly Place[]>('zones of volumes');

/** Thrown for claims that are not as they must be. */
class Unusable extends Error {}

export function volumeZone(storage: StorageReader): Plugin {
  return {
    name: 'VolumeZone',
    events: [
      'StorageClassAdd',
      'NodeAdd',
      'NodeUpdateLabel',
      'PersistentVolumeClaimAdd',
      'PersistentVolumeClaimUpdate',
      'PersistentVolumeAdd',
      'PersistentVolumeUpdate',
    ],
    queueingHint({ pod }, event) {
      if (event.name === 'PersistentVolumeClaimAdd' || event.name === 'PersistentVolumeClaimUpdate')
        return usesClaim(pod, event.claim);
      if (event.name === 'PersistentVolumeUpdate')
        return JSON.stringify(placesOf(event.volume)) !== JSON.stringify(placesOf(event.previous));
      return true;
    },
    preFilter({ pod, state }) {
      try {
        const places = podClaims(pod).flatMap(({ name }) => {
          const volume = volumeOf(storage, pod.metadata.namespace ?? '', name);
          return volume === undefined ? [] : placesOf(volume).map(([key, value]) => placeOf(key, value));
        });
        if (places.length === 0) return SKIP;
        state.write(PLACES, places);
        return CONTINUE;
      } catch (error) {
        if (error instanceof Unusable) return rejected(error.message);
        throw error;
      }
    },
    filter({ state }, { labels }) {
      // A node that says nothing of zones at all has none, as on a single machine.
      if (!Object.keys(TOPOLOGY).some((key) => Object.hasOwn(labels, key))) return undefined;
      const isThere = ({ key, values }: Place): boolean => values.has(labels[key] ?? labels[TOPOLOGY[key] ?? ''] ?? '');
      return state.get(PLACES).every(isThere) ? undefined : REJECTION;
    },
  };
}

function rejected(reason: string): PreFilterResult {
  return { type: 'reject', rejection: { code: 'UnschedulableAndUnresolvable', reasons: [reason] } };
}

/** Undefined for a claim that waits for its first consumer. */
function volumeOf(storage: StorageReader, namespace: string, name: string): PersistentVolume | undefined {
  if (name === '') throw new Unusable('PersistentVolumeClaim had no name');
  const claim = storage.claim(namespace, name);
  if (claim === undefined) throw new Unusable(`persistentvolumeclaim ${JSON.stringify(name)} not found`);
  const { volumeName = '' } = claim.spec;
  if (volumeName !== '') {
    const volume = storage.volume(volumeName);
    if (volume === undefined) throw new Unusable(`persistentvolume ${JSON.stringify(volumeName)} not found`);
    return volume;
  }
  const className = storageClassOf(claim);
  if (className === '') throw new Unusable('PersistentVolumeClaim had no pv name and storageClass name');
  const storageClass = storage.storageClass(className);
  if (storageClass === undefined)
    throw new Unusable(`storageclass.storage.k8s.io ${JSON.stringify(className)} not found`);
  if (storageClass.volumeBindingMode === 'WaitForFirstConsumer') return undefined;
  throw new Unusable('PersistentVolume had no name');
}

function placesOf({ metadata }: PersistentVolume): [key: string, value: string][] {
  return Object.entries(metadata.labels ?? {}).filter(([key]) => Object.hasOwn(TOPOLOGY, key));
}

/** `a__b`: of a volume that is in both. */
function placeOf(key: string, value: string): Place {
  return { key, values: new Set(value.split('__').map((one) => one.trim())) };
}
