/** How volumes may be mounted: what claims and volumes have in common (upstream: `pkg/apis/core/validation/validation.go`). */
import { forbidden, invalid, notSupported } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { tryParseQuantity } from '../../../machinery/quantity.ts';
import { invalidEach, validateDnsSubdomainName } from '../../../machinery/validation.ts';

/** Name of the class that objects from before `storageClassName` carry. */
export const BETA_STORAGE_CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

const SHORT_FORMS: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
const ACCESS_MODES = Object.keys(SHORT_FORMS).sort();
const VOLUME_MODES = ['Block', 'Filesystem'];
const SINGLE_POD = 'ReadWriteOncePod';

export function validateAccessModes(modes: readonly string[], path: FieldPath): FieldError[] {
  const errors = modes
    .filter((mode) => !ACCESS_MODES.includes(mode))
    .map((mode) => notSupported(path, mode, ACCESS_MODES));
  const others = modes.some((mode) => mode !== SINGLE_POD && ACCESS_MODES.includes(mode));
  if (modes.includes(SINGLE_POD) && others)
    errors.push(forbidden(path, 'may not use ReadWriteOncePod with other access modes'));
  return errors;
}

export function validateVolumeMode(mode: string | undefined, path: FieldPath): FieldError[] {
  return mode === undefined || VOLUME_MODES.includes(mode) ? [] : [notSupported(path, mode, VOLUME_MODES)];
}

/** `ValidateClassName`, of a name that need not be there. */
export function validateClassName(name: string | undefined, path: FieldPath): FieldError[] {
  return name ? invalidEach(path, name, validateDnsSubdomainName(name, false)) : [];
}

/** `ValidatePositiveQuantityValue`; what does not parse is for others to report. */
export function validatePositiveQuantity(text: string | undefined, path: FieldPath): FieldError[] {
  const quantity = tryParseQuantity(text);
  return quantity !== undefined && quantity.sign() <= 0
    ? [invalid(path, quantity.toString(), 'must be greater than zero')]
    : [];
}

/** `validateBasicResource` */
export function validateCapacity(list: Readonly<Record<string, string>> | undefined, path: FieldPath): FieldError[] {
  return Object.entries(list ?? {}).flatMap(([name, text]) => {
    const quantity = tryParseQuantity(text);
    if (quantity === undefined || quantity.sign() >= 0) return [];
    return [invalid(path.key(name), quantity.value(), 'must be a valid resource quantity')];
  });
}

/** `RWO,ROX`, each once, in upstream's order. */
export function accessModesCell(modes: readonly string[] | undefined): string {
  return Object.keys(SHORT_FORMS)
    .filter((mode) => modes?.includes(mode))
    .map((mode) => SHORT_FORMS[mode]!)
    .join(',');
}

/** The older annotation wins (`GetPersistentVolumeClass`). */
export function storageClassOf(object: {
  metadata: { annotations?: Readonly<Record<string, string>> };
  spec?: { storageClassName?: string };
}): string {
  return object.metadata.annotations?.[BETA_STORAGE_CLASS_ANNOTATION] ?? object.spec?.storageClassName ?? '';
}
