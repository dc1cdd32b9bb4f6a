/** An autoscaler's columns (upstream: `pkg/printers/internalversion/printers.go`, `formatHPAMetrics`). */
import type { PrinterColumn } from '../../machinery/resource.ts';
import { NONE, UNKNOWN, UNSET, ageColumn, countColumn } from '../../table-cells.ts';
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget, MetricValue } from './types.ts';

const SHOWN_METRICS = 2;

export const autoscalerColumns: readonly PrinterColumn<HorizontalPodAutoscaler>[] = [
  {
    name: 'Reference',
    type: 'string',
    description: 'What is scaled',
    cell: ({ spec }) => `${spec?.scaleTargetRef?.kind ?? ''}/${spec?.scaleTargetRef?.name ?? ''}`,
  },
  { name: 'Targets', type: 'string', description: 'Measured and wanted values', cell: targetsCell },
  {
    name: 'MinPods',
    type: 'string',
    description: 'Fewest pods',
    cell: ({ spec }) => String(spec?.minReplicas ?? UNSET),
  },
  countColumn('MaxPods', 'Most pods', ({ spec }) => spec?.maxReplicas),
  countColumn('Replicas', 'Pods as they were counted last', ({ status }) => status?.currentReplicas),
  ageColumn(),
];

function targetsCell({ spec, status }: HorizontalPodAutoscaler): string {
  const metrics = spec?.metrics ?? [];
  if (metrics.length === 0) return NONE;
  const shown = metrics.slice(0, SHOWN_METRICS).map((metric, i) => metricCell(metric, status?.currentMetrics?.[i]));
  const more = metrics.length - SHOWN_METRICS;
  return more > 0 ? `${shown.join(', ')} + ${more} more...` : shown.join(', ');
}

function metricCell(metric: MetricSpec, status: MetricStatus = { type: metric.type }): string {
  const { external, object, pods, resource, containerResource } = metric;
  switch (metric.type) {
    case 'External':
      return valueCell(external?.target, status.external?.current);
    case 'Object':
      return valueCell(object?.target, status.object?.current);
    case 'Pods':
      return podsCell(pods?.target, status.pods?.current);
    case 'Resource':
      return resourceCell(resource, status.resource?.current);
    case 'ContainerResource':
      return resourceCell(containerResource, status.containerResource?.current);
    default:
      return '<unknown type>';
  }
}

function podsCell(target: MetricTarget | undefined, current: MetricValue | undefined): string {
  return `${current?.averageValue ?? UNKNOWN}/${target?.averageValue ?? ''}`;
}

function valueCell(target: MetricTarget | undefined, current: MetricValue | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? UNKNOWN}/${target.averageValue} (avg)`;
  return `${current?.value ?? UNKNOWN}/${target?.value ?? ''}`;
}

function resourceCell(
  source: { name?: string; target?: MetricTarget } | undefined,
  current: MetricValue | undefined,
): string {
  const { name = '', target } = source ?? {};
  if (target?.averageValue !== undefined) return `${name}: ${current?.averageValue ?? UNKNOWN}/${target.averageValue}`;
  const percent = (value: number | undefined, absent: string): string => (value === undefined ? absent : `${value}%`);
  return `${name}: ${percent(current?.averageUtilization, UNKNOWN)}/${percent(target?.averageUtilization, '<auto>')}`;
}
