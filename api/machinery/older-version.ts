/** Versions of a kind that have nearly the form of the stored one, as a definition over the stored kind's. */
import type { ApiObject } from './meta.ts';
import { apiVersionOf } from './resource.ts';
import type { ObjectView, PrinterColumn, Resource, Strategy } from './resource.ts';
import { viewStrategy } from './view-strategy.ts';

/** The stored kind's columns for objects of another form. */
export function viewColumns<T extends ApiObject, S extends ApiObject>(
  { additionalPrinterColumns }: Resource<S>,
  { toStored }: ObjectView<T>,
): PrinterColumn<T>[] {
  return additionalPrinterColumns.map((column) => ({
    ...column,
    cell: (object, nowMs) => column.cell(toStored(object) as S, nowMs),
  }));
}

export interface OlderVersion<T extends ApiObject> {
  group: string;
  version: string;
  /** Name of its schema, which differs from the stored kind's at least in its name. */
  schema: string;
  /** Releases of Kubernetes that deprecated it and no longer had it: `1.9`, `1.16`. */
  deprecatedIn: string;
  removedIn: string;
  /** Defaults that this version sets before those of the stored one. */
  default?(object: T): void;
  /** How the forms differ, beside `apiVersion`. Both change the copy that they are given. */
  convert?: { toStored(object: T): void; fromStored(object: T): void };
  /** Rules that differ from the stored kind's. */
  strategy?: Partial<Strategy<T>>;
}

/** An older version. Out of the category `all`, and in another group without short names. */
export function olderVersion<T extends ApiObject>(current: Resource<T>, older: OlderVersion<T>): Resource<T> {
  const { group, version } = older;
  const view: ObjectView<T> = {
    toStored: (object) => converted(object, apiVersionOf(current), older.convert?.toStored),
    fromStored: (object) => converted(object as T, apiVersionOf(older), older.convert?.fromStored),
  };
  const name = (of: { group: string; version: string }): string => `${apiVersionOf(of)} ${current.names.kind}`;
  return {
    ...current,
    group,
    version,
    schema: older.schema,
    names: {
      ...current.names,
      categories: current.names.categories.filter((category) => category !== 'all'),
      // A short name in two groups makes kubectl warn everybody who uses it.
      shortNames: group === current.group ? current.names.shortNames : [],
    },
    view,
    additionalPrinterColumns: viewColumns(current, view),
    strategy: {
      ...viewStrategy(current, { view, ...(older.default && { default: older.default }) }),
      ...older.strategy,
    },
    deprecationWarning:
      `${name(older)} is deprecated in v${older.deprecatedIn}+, unavailable in v${older.removedIn}+; ` +
      `use ${name(current)}`,
  };
}

/** A copy in another version; an object without `apiVersion` (an item of a list) stays without. */
function converted<T extends ApiObject>(object: T, apiVersion: string, change?: (copy: T) => void): T {
  const copy = { ...structuredClone(object), ...(object.apiVersion === undefined ? {} : { apiVersion }) };
  change?.(copy);
  return copy;
}
