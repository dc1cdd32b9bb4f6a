/** Defaults of volumes (`pkg/apis/core/v1/defaults.go`). */
import { tryParseQuantity } from '../../../machinery/quantity.ts';
import { defaultPullPolicy } from './image-reference.ts';
import { canonicalizeResourceList } from './resources.ts';
import type { Volume } from './types.ts';

/** 0644 */
export const DEFAULT_FILE_MODE = 420;
export const DEFAULT_TOKEN_EXPIRATION_SECONDS = 3600;
export const DEFAULT_POD_CERTIFICATE_EXPIRATION_SECONDS = 86_400;

type VolumeSources = Omit<Volume, 'name'>;

/** What the fields of a source are when they are left out. A field that is present, even empty, stays. */
const CONSTANT_DEFAULTS: { [K in keyof VolumeSources]?: Partial<NonNullable<VolumeSources[K]>> } = {
  azureDisk: { cachingMode: 'ReadWrite', fsType: 'ext4', kind: 'Shared', readOnly: false },
  configMap: { defaultMode: DEFAULT_FILE_MODE },
  downwardAPI: { defaultMode: DEFAULT_FILE_MODE },
  hostPath: { type: '' },
  iscsi: { iscsiInterface: 'default' },
  projected: { defaultMode: DEFAULT_FILE_MODE },
  rbd: { pool: 'rbd', user: 'admin', keyring: '/etc/ceph/keyring' },
  scaleIO: { storageMode: 'ThinProvisioned', fsType: 'xfs' },
  secret: { defaultMode: DEFAULT_FILE_MODE },
};

export function defaultVolume(volume: Volume): void {
  const present = Object.entries(volume).filter(([key, source]) => key !== 'name' && source != null);
  if (present.length === 0) volume.emptyDir = {};
  defaultSourceFields(volume);
  if (volume.emptyDir?.sizeLimit !== undefined) volume.emptyDir.sizeLimit = canonicalText(volume.emptyDir.sizeLimit);
  if (volume.image) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference ?? '');
  defaultFiles(volume.downwardAPI?.items);
  defaultProjection(volume);
  defaultClaimTemplate(volume);
}

/** Of pods' volumes and of persistent ones, which have many sources in common. */
export function defaultSourceFields(sources: object): void {
  for (const [key, source] of Object.entries(sources)) {
    if (source == null || !Object.hasOwn(CONSTANT_DEFAULTS, key)) continue;
    const fields = source as Record<string, unknown>;
    for (const [field, value] of Object.entries(CONSTANT_DEFAULTS[key as keyof VolumeSources]!))
      fields[field] ??= value;
  }
}

/** A quantity that is not optional in Go: it is always written. */
export function defaultDivisor(selector: { divisor?: string }): void {
  selector.divisor = canonicalText(selector.divisor ?? '0');
}

function defaultFiles(items: NonNullable<Volume['downwardAPI']>['items']): void {
  for (const { fieldRef, resourceFieldRef } of items ?? []) {
    if (fieldRef) fieldRef.apiVersion ||= 'v1';
    if (resourceFieldRef) defaultDivisor(resourceFieldRef);
  }
}

function defaultProjection({ projected }: Volume): void {
  for (const { downwardAPI, serviceAccountToken, podCertificate } of projected?.sources ?? []) {
    defaultFiles(downwardAPI?.items);
    if (serviceAccountToken) serviceAccountToken.expirationSeconds ??= DEFAULT_TOKEN_EXPIRATION_SECONDS;
    if (podCertificate) podCertificate.maxExpirationSeconds ??= DEFAULT_POD_CERTIFICATE_EXPIRATION_SECONDS;
  }
}

function defaultClaimTemplate({ ephemeral }: Volume): void {
  const spec = ephemeral?.volumeClaimTemplate?.spec;
  if (!spec) return;
  spec.volumeMode ??= 'Filesystem';
  canonicalizeResourceList(spec.resources?.limits);
  canonicalizeResourceList(spec.resources?.requests);
}

function canonicalText(text: string): string {
  return tryParseQuantity(text)?.toString() ?? text;
}
