/** The form of a rule for one source of volumes. */
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import type { Volume } from './types.ts';

export type VolumeField = Exclude<keyof Volume, 'name'>;

export interface VolumeSourceRule {
  field: VolumeField;
  /** Where its errors are reported, if elsewhere than under `field`. */
  errorField?: string;
  /** How it is called when it stands beside another source, if not `field`. */
  conflictField?: string;
  /** The source is there. */
  validate(volume: Volume, path: FieldPath): FieldError[];
}
