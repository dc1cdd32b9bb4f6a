/** Cells that tables of several kinds share (upstream: `pkg/printers/internalversion/printers.go`). */
import { ageSince } from './machinery/duration.ts';
import type { ApiObject, LabelSelector } from './machinery/meta.ts';
import type { PrinterColumn } from './machinery/resource.ts';

/** What stands for an absent value. */
export const NONE = '<none>';
export const UNSET = '<unset>';
export const UNKNOWN = '<unknown>';

/** The `Age` column, the same for every kind. */
export function ageColumn<T extends ApiObject>(): PrinterColumn<T> {
  return {
    name: 'Age',
    type: 'string',
    description: 'Time since the object was created',
    cell: ({ metadata }, nowMs) => ageSince(metadata.creationTimestamp, nowMs),
  };
}

/** A column of numbers; what is absent counts as 0. */
export function countColumn<T>(
  name: string,
  description: string,
  count: (object: T) => number | undefined,
): PrinterColumn<T> {
  return { name, type: 'integer', description, cell: (object) => count(object) ?? 0 };
}

/** The time itself, not the age. */
export function createdAtColumn<T extends ApiObject>(): PrinterColumn<T> {
  return {
    name: 'Created At',
    type: 'date',
    description: 'Time of creation',
    cell: ({ metadata }) => metadata.creationTimestamp ?? '',
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
  const requirements = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => ({
    key,
    text: `${key}=${value}`,
  }));
  for (const { key, operator, values = [] } of selector?.matchExpressions ?? []) {
    const list = `(${[...values].sort().join(',')})`;
    const texts: Record<string, string> = {
      In: `${key} in ${list}`,
      NotIn: `${key} notin ${list}`,
      Exists: key,
      DoesNotExist: `!${key}`,
    };
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
  const containersOf = ({ spec }: T): readonly { name: string; image?: string }[] =>
    spec?.template?.spec?.containers ?? [];
  return [
    {
      name: 'Containers',
      type: 'string',
      priority: 1,
      description: 'Names of the containers of the template',
      cell: (object) =>
        containersOf(object)
          .map(({ name }) => name)
          .join(','),
    },
    {
      name: 'Images',
      type: 'string',
      priority: 1,
      description: 'Images of the containers of the template',
      cell: (object) =>
        containersOf(object)
          .map(({ image }) => image ?? '')
          .join(','),
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

/** At most three items, then how many are left out: `a,b,c + 2 more...` (`listWithMoreString`). */
export function shortList(items: readonly (string | number)[]): string {
  const shown = items.slice(0, SHORT_LIST_ITEMS).join(',');
  return items.length > SHORT_LIST_ITEMS ? `${shown} + ${items.length - SHORT_LIST_ITEMS} more...` : shown;
}

const SHORT_LIST_ITEMS = 3;
