/** What the plugins know of storage: shared by all of them, so that each sees what the others assume. */
import type { PersistentVolume } from '../api/core/v1/persistent-volume.ts';
import { persistentVolumes } from '../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../api/core/v1/persistent-volume-claim.ts';
import { storageClassOf } from '../api/core/v1/volume/access-modes.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { CsiNode } from '../api/storage/v1/csi-node.ts';
import { csiNodes } from '../api/storage/v1/csi-node.ts';
import type { StorageClass } from '../api/storage/v1/storage-class.ts';
import { storageClasses } from '../api/storage/v1/storage-class.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import { formatKey } from '../client/keys.ts';
import { AssumedObjects } from './assumed-objects.ts';

const BY_CLASS = 'storageClassForScheduling';
const classIndex = (object: ApiObject): readonly string[] => [storageClassOf(object as PersistentVolume)];

/** What filters read. */
export interface StorageReader {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  volumesOfClass(className: string): PersistentVolume[];
  storageClass(name: string): StorageClass | undefined;
  csiNode(name: string): CsiNode | undefined;
}

export interface StorageView extends StorageReader {
  readonly claims: AssumedObjects<PersistentVolumeClaim>;
  readonly volumes: AssumedObjects<PersistentVolume>;
}

const views = new WeakMap<InformerFactory, StorageView>();

/** One for all profiles that share the informers. */
export function storageViewOf(informers: InformerFactory): StorageView {
  const known = views.get(informers);
  if (known !== undefined) return known;
  const view = createView(informers);
  views.set(informers, view);
  return view;
}

function createView(informers: InformerFactory): StorageView {
  const claims = new AssumedObjects(informers.informer<PersistentVolumeClaim>(persistentVolumeClaims));
  const volumes = new AssumedObjects(informers.informer<PersistentVolume>(persistentVolumes));
  const classes = informers.informer<StorageClass>(storageClasses);
  const drivers = informers.informer<CsiNode>(csiNodes);
  volumes.informer.addIndex(BY_CLASS, classIndex);
  return {
    claims,
    volumes,
    claim: (namespace, name) => claims.get(formatKey({ namespace, name })),
    volume: (name) => volumes.get(name),
    volumesOfClass: (className) => volumes.byIndex(BY_CLASS, className),
    storageClass: (name) => classes.getByKey(name),
    csiNode: (name) => drivers.getByKey(name),
  };
}
