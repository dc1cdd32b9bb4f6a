/** Cells that tables of several kinds share (upstream: `pkg/printers/internalversion/printers.go`). */
import type { ApiObject, LabelSelector } from './machinery/meta.ts';
import type { PrinterColumn } from './machinery/resource.ts';

/** What stands for an absent value. */
export const NONE = '<none>';
export const UNSET = '<unset>';
export const UNKNOWN = '<unknown>';

/** Time since `timestamp` in kubectl's short form (`3d4h`), `<unknown>` without one. */
export function ageCell(timestamp: string | null | undefined, nowMs: number): string {
  const thenMs = timestamp ? Date.parse(timestamp) : NaN;
  return Number.isNaN(thenMs) ? UNKNOWN : humanDuration(nowMs - thenMs);
}

/** The `Age` column, the same for every kind. */
export function ageColumn<T extends ApiObject>(): PrinterColumn<T> {
  return {
    name: 'Age',
    type: 'string',
    description: 'Time since the object was created',
    cell: ({ metadata }, nowMs) => ageCell(metadata.creationTimestamp, nowMs),
  };
}

/** `a=b,c=d`, keys in order; `<none>` when empty (`labels.FormatLabels`). */
export function labelsCell(labels: Readonly<Record<string, string>> | undefined): string {
  const keys = Object.keys(labels ?? {}).sort();
  return keys.length === 0 ? NONE : keys.map((key) => `${key}=${labels![key]!}`).join(',');
}

/**
 * A selector in query form (`metav1.FormatLabelSelector`): requirements ordered by key; `<none>` when it matches all or
 * is absent, `<error>` when it is malformed.
 */
export function selectorCell(selector: LabelSelector | undefined): string {
  const requirements = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => ({ key, text: `${key}=${value}` }));
  for (const { key, operator, values = [] } of selector?.matchExpressions ?? []) {
    const list = `(${[...values].sort().join(',')})`;
    const texts: Record<string, string> = { In: `${key} in ${list}`, NotIn: `${key} notin ${list}`, Exists: key, DoesNotExist: `!${key}` };
    const text = Object.hasOwn(texts, operator) ? texts[operator] : undefined;
    if (text === undefined) return '<error>';
    requirements.push({ key, text });
  }
  if (requirements.length === 0) return NONE;
  requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return requirements.map(({ text }) => text).join(',');
}

interface Workload {
  template?: { spec?: { containers?: readonly { name: string; image?: string }[] } };
  selector?: LabelSelector;
}

/** The wide columns Containers, Images and Selector of everything that has a pod template. */
export function workloadColumns<T extends ApiObject & { spec?: Workload }>(): PrinterColumn<T>[] {
  const containersOf = ({ spec }: T): readonly { name: string; image?: string }[] => spec?.template?.spec?.containers ?? [];
  return [
    {
      name: 'Containers',
      type: 'string',
      priority: 1,
      description: 'Names of the containers of the template',
      cell: (object) => containersOf(object).map(({ name }) => name).join(','),
    },
    {
      name: 'Images',
      type: 'string',
      priority: 1,
      description: 'Images of the containers of the template',
      cell: (object) => containersOf(object).map(({ image }) => image ?? '').join(','),
    },
    {
      name: 'Selector',
      type: 'string',
      priority: 1,
      description: 'Selector of the pods',
      cell: ({ spec }) => selectorCell(spec?.selector),
    },
  ];
}

function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const pair = (big: string, rest: number, unit: string): string => (rest === 0 ? big : `${big}${rest}${unit}`);
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return pair(`${minutes}m`, seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return pair(`${hours}h`, minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (days < 8) return pair(`${days}d`, hours % 24, 'h');
  if (days < 2 * 365) return `${days}d`;
  const years = Math.trunc(days / 365);
  return years < 8 ? pair(`${years}y`, days % 365, 'd') : `${years}y`;
}
