/**
 * What a user should know about a workload that is accepted nonetheless (upstream: `WarningsOnCreate` and
 * `WarningsOnUpdate` in `pkg/registry/apps/{deployment,replicaset}/strategy.go`).
 */
import type { PodTemplateSpec } from '../../../core/v1/pod/types.ts';
import { warningsForPodTemplate } from '../../../core/v1/pod/warnings.ts';
import { fieldPath } from '../../../machinery/field-error.ts';
import type { ApiObject } from '../../../machinery/meta.ts';
import { isDns1123Label } from '../../../machinery/validation.ts';

type Workload = ApiObject & { spec: { template: PodTemplateSpec } };

const TEMPLATE = fieldPath('spec', 'template');

/** An update that changes no generation, such as one of labels, gets none. */
export function warningsForWorkload({ metadata, spec }: Workload, previous: ApiObject | undefined): string[] {
  if (previous !== undefined && metadata.generation === previous.metadata.generation) return [];
  const warnings = previous === undefined ? warningsForName(metadata.name ?? '') : [];
  return [...warnings, ...warningsForPodTemplate(spec.template, TEMPLATE)];
}

/** Of a workload whose pods are named after it. */
export function warningsForName(name: string): string[] {
  const problems = isDns1123Label(name);
  if (problems.length === 0) return [];
  const advice = 'which can result in surprising behavior; a DNS label is recommended';
  return [`metadata.name: this is used in Pod names and hostnames, ${advice}: [${problems.join(' ')}]`];
}
