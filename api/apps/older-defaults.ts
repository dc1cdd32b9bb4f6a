/** What the first versions of workloads fill in differently from today (`pkg/apis/{extensions,apps}/v1beta1/defaults.go`). */
import type { PodTemplateSpec } from '../core/v1/pod/types.ts';
import type { ApiObject, LabelSelector } from '../machinery/meta.ts';

interface Selecting {
  selector?: LabelSelector;
  template?: PodTemplateSpec;
}

/** Selector and labels are those of the template where the author gives none. */
export function labelsFromTemplate(object: ApiObject & { spec?: Selecting }): void {
  const { spec, metadata } = object;
  const labels = spec?.template?.metadata?.labels;
  if (spec === undefined || !labels) return;
  spec.selector ??= { matchLabels: { ...labels } };
  if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
}

/** What stands for a number that nobody set, where that means no limit. */
export const NO_LIMIT = 2 ** 31 - 1;

const ROLLBACK_TO = 'deprecated.deployment.rollback.to';

type RollingBack = ApiObject & { spec?: { rollbackTo?: { revision?: number } } };

/** `spec.rollbackTo` is an annotation today. */
export const rollbackConversion = {
  toStored(object: ApiObject): void {
    const { spec, metadata } = object as RollingBack;
    const { rollbackTo } = spec ?? {};
    const { [ROLLBACK_TO]: _before, ...annotations } = metadata.annotations ?? {};
    if (rollbackTo !== undefined) annotations[ROLLBACK_TO] = String(rollbackTo.revision ?? 0);
    setAnnotations(metadata, annotations);
    delete spec?.rollbackTo;
  },
  fromStored(object: ApiObject): void {
    const { spec, metadata } = object as RollingBack;
    const { [ROLLBACK_TO]: revision, ...annotations } = metadata.annotations ?? {};
    if (revision === undefined || spec === undefined || !/^\d{1,15}$/.test(revision)) return;
    spec.rollbackTo = Number(revision) === 0 ? {} : { revision: Number(revision) };
    setAnnotations(metadata, annotations);
  },
};

/** None at all rather than an empty map. */
export function setAnnotations(metadata: ApiObject['metadata'], annotations: Record<string, string>): void {
  if (Object.keys(annotations).length === 0) delete metadata.annotations;
  else metadata.annotations = annotations;
}
