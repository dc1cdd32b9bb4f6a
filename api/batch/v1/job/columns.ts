/** A Job's columns (upstream: `pkg/printers/internalversion/printers.go`, `printJob`). */
import { humanDuration } from '../../../machinery/duration.ts';
import type { PrinterColumn } from '../../../machinery/resource.ts';
import { ageColumn, workloadColumns } from '../../../table-cells.ts';
import { hasCondition } from './types.ts';
import type { Job, JobConditionType } from './types.ts';

export const jobColumns: readonly PrinterColumn<Job>[] = [
  { name: 'Status', type: 'string', description: 'What has become of the Job', cell: statusCell },
  { name: 'Completions', type: 'string', description: 'Succeeded pods of wanted ones', cell: completionsCell },
  { name: 'Duration', type: 'string', description: 'Time that the Job took or has been running', cell: durationCell },
  ageColumn(),
  ...workloadColumns<Job>(),
];

function statusCell({ metadata, status }: Job): string {
  const first = (...types: JobConditionType[]): string | undefined => types.find((type) => hasCondition(status, type));
  const ended = first('Complete', 'Failed');
  if (ended !== undefined) return ended;
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  return first('Suspended', 'FailureTarget', 'SuccessCriteriaMet') ?? 'Running';
}

function completionsCell({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationCell({ status }: Job, nowMs: number): string {
  if (!status?.startTime) return '';
  const endMs = status.completionTime ? Date.parse(status.completionTime) : nowMs;
  return humanDuration(endMs - Date.parse(status.startTime));
}
