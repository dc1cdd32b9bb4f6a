/**
 * RuntimeClass: gives a pod the overhead and the placement of its class, and refuses one whose class does not exist
 * (upstream `plugin/pkg/admission/runtimeclass/admission.go`).
 */
import type { Pod, PodSpec, Toleration } from '../../api/core/v1/pod.ts';
import type { Quantity } from '../../api/machinery/quantity.ts';
import { tryParseQuantity } from '../../api/machinery/quantity.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { RuntimeClass } from '../../api/node/v1/runtime-class.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';
import { isCreationOf, refuse } from './refusal.ts';

export function runtimeClassAdmission(classes: Lister<RuntimeClass>): AdmissionPlugin {
  const classOf = (attributes: AdmissionAttributes): RuntimeClass | undefined => {
    // An empty name is for validation to refuse.
    const name = (attributes.object as Pod).spec?.runtimeClassName ?? '';
    if (name === '') return undefined;
    const found = classes.get('', name);
    return found ?? refuse(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  };
  return {
    name: 'RuntimeClass',
    mutate(attributes) {
      if (!isCreationOf(attributes, 'pods')) return;
      const runtimeClass = classOf(attributes);
      if (runtimeClass === undefined) return;
      const { spec } = attributes.object as Pod;
      setOverhead(attributes, spec, runtimeClass);
      setScheduling(attributes, spec, runtimeClass);
    },
    validate(attributes) {
      if (!isCreationOf(attributes, 'pods')) return;
      const overhead = classOf(attributes)?.overhead?.podFixed;
      const { spec } = attributes.object as Pod;
      if (overhead === undefined && spec?.overhead != null)
        refuse(attributes, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
      if (overhead !== undefined && !isSameList(overhead, spec?.overhead)) refuseOverhead(attributes);
    },
  };
}

function refuseOverhead(attributes: AdmissionAttributes): never {
  return refuse(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
}

function setOverhead(attributes: AdmissionAttributes, spec: PodSpec, { overhead }: RuntimeClass): void {
  const fixed = overhead?.podFixed;
  if (fixed === undefined) return;
  if (spec.overhead != null && !isSameList(fixed, spec.overhead)) refuseOverhead(attributes);
  spec.overhead = { ...fixed };
}

function isSameList(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>> | undefined): boolean {
  const amount = (text: string | undefined): Quantity | undefined => tryParseQuantity(text);
  const names = Object.keys(a);
  if (names.length !== Object.keys(b ?? {}).length) return false;
  return names.every((name) => {
    const [x, y] = [amount(a[name]), amount(b![name])];
    return x !== undefined && y !== undefined && x.cmp(y) === 0;
  });
}

function setScheduling(attributes: AdmissionAttributes, spec: PodSpec, { scheduling }: RuntimeClass): void {
  if (scheduling === undefined) return;
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const present = spec.nodeSelector?.[key];
    if (present !== undefined && present !== value) {
      refuse(
        attributes,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${present}`,
      );
    }
    (spec.nodeSelector ??= {})[key] = value;
  }
  const merged = mergeTolerations(spec.tolerations ?? [], scheduling.tolerations ?? []);
  if (merged.length > 0) spec.tolerations = merged;
}

/** Both, without those that another one of them takes in (`tolerations.MergeTolerations`). */
function mergeTolerations(first: readonly Toleration[], second: readonly Toleration[]): Toleration[] {
  const all = [...first, ...second];
  const kept: Toleration[] = [];
  for (const [i, toleration] of all.entries()) {
    const later = all.slice(i + 1);
    // Of two that are the same the first stays.
    const covered = [...kept, ...later.filter((other) => !deepEqual(other, toleration))].some((other) =>
      includes(other, toleration),
    );
    if (!covered) kept.push({ ...toleration });
  }
  return kept;
}

/** Whether `wide` tolerates whatever `narrow` does (`isSuperset`). */
function includes(wide: Toleration, narrow: Toleration): boolean {
  if (deepEqual(wide, narrow)) return true;
  const { key = '', effect = '', operator } = wide;
  const isForAllKeys = key === '' && operator === 'Exists';
  if (!isForAllKeys && key !== (narrow.key ?? '')) return false;
  if (effect !== '' && effect !== narrow.effect) return false;
  if (effect === 'NoExecute' && !lastsAsLong(wide, narrow)) return false;
  if (operator === 'Exists') return true;
  return narrow.operator !== 'Exists' && isSameValue(wide, narrow);
}

function lastsAsLong({ tolerationSeconds: wide }: Toleration, { tolerationSeconds: narrow }: Toleration): boolean {
  return wide === undefined || (narrow !== undefined && narrow <= wide);
}

function isSameValue({ value: a = '' }: Toleration, { value: b = '' }: Toleration): boolean {
  return a === b;
}
