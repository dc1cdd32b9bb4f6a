/** Validation of a pod's volumes (`pkg/apis/core/validation/validation.go ValidateVolumes`). */
import { duplicate, forbidden, invalid, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { invalidEach, isDns1123Label, validateDnsSubdomainName } from '../../../machinery/validation.ts';
import type { PodSpec, Volume } from './types.ts';
import { VOLUME_SOURCES } from './volume-sources.ts';

export interface ValidatedVolumes {
  /** Those without an error, by name. */
  volumes: ReadonlyMap<string, Volume>;
  errors: FieldError[];
}

/** `podName` is empty for templates; with it the names of claims made for ephemeral volumes are checked. */
export function validateVolumes(spec: PodSpec, path: FieldPath, podName: string): ValidatedVolumes {
  const volumes = new Map<string, Volume>();
  const errors: FieldError[] = [];
  const createdClaims = new Set(podName === '' ? [] : claimsMadeForPod(spec, podName));
  for (const [i, volume] of (spec.volumes ?? []).entries()) {
    const volumePath = path.index(i);
    const found = validateVolume(volume, volumePath, { podName, volumes });
    if (found.length === 0) volumes.set(volume.name, volume);
    else errors.push(...found);
    const claimName = volume.persistentVolumeClaim?.claimName;
    if (claimName === undefined || !createdClaims.has(claimName)) continue;
    const detail = 'must not reference a PVC that gets created for an ephemeral volume';
    errors.push(invalid(volumePath.child('persistentVolumeClaim', 'claimName'), claimName, detail));
  }
  return { volumes, errors };
}

function claimsMadeForPod(spec: PodSpec, podName: string): string[] {
  return (spec.volumes ?? []).filter(({ ephemeral }) => ephemeral).map(({ name }) => `${podName}-${name}`);
}

interface VolumeContext {
  podName: string;
  /** Valid ones so far. */
  volumes: ReadonlyMap<string, Volume>;
}

function validateVolume(volume: Volume, path: FieldPath, { podName, volumes }: VolumeContext): FieldError[] {
  const errors = validateSource(volume, path, podName);
  const { name = '' } = volume;
  if (name === '') errors.push(required(path.child('name')));
  else errors.push(...invalidEach(path.child('name'), name, isDns1123Label(name)));
  if (volumes.has(name)) errors.push(duplicate(path.child('name'), name));
  return errors;
}

/** Exactly one source. */
function validateSource(volume: Volume, path: FieldPath, podName: string): FieldError[] {
  const errors: FieldError[] = [];
  let count = 0;
  for (const source of VOLUME_SOURCES) {
    if (volume[source.field] == null) continue;
    if (count > 0)
      errors.push(
        forbidden(path.child(source.conflictField ?? source.field), 'may not specify more than 1 volume type'),
      );
    else errors.push(...source.validate(volume, path.child(source.errorField ?? source.field)));
    count++;
  }
  if (count === 0) errors.push(required(path, 'must specify a volume type'));
  if (volume.iscsi) errors.push(...validateInitiator(volume, path));
  if (volume.ephemeral && podName !== '' && volume.name) errors.push(...validateClaimName(volume.name, path, podName));
  return errors;
}

function validateInitiator({ name = '', iscsi }: Volume, path: FieldPath): FieldError[] {
  if (iscsi?.initiatorName == null || `${name}:${iscsi.targetPortal ?? ''}`.length <= 64) return [];
  const rule = 'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters';
  return [invalid(path.child('name'), name, `${rule} if iscsi.initiatorName is specified.`)];
}

function validateClaimName(name: string, path: FieldPath, podName: string): FieldError[] {
  const claimName = `${podName}-${name}`;
  const problems = validateDnsSubdomainName(claimName, false);
  return problems.map((problem) =>
    invalid(path.child('name'), name, `PVC name ${JSON.stringify(claimName)}: ${problem}`),
  );
}
