/**
 * Versions of a kind that are not the stored one: a definition over the stored kind's, and a pair of conversions.
 * Objects come and go in the older form; the rules are the stored kind's, so that there is one set of them.
 */
import type { ApiObject } from './meta.ts';
import { apiVersionOf } from './resource.ts';
import type { PrinterColumn, Resource, Strategy } from './resource.ts';

/** Both leave their argument alone and may share parts with it. */
export interface Conversion<T extends ApiObject, S extends ApiObject> {
  toStored(object: T): S;
  fromStored(object: S): T;
}

/** The stored kind's columns for objects of the other form. */
export function viewColumns<T extends ApiObject, S extends ApiObject>(
  { additionalPrinterColumns }: Resource<S>,
  { toStored }: Conversion<T, S>,
): PrinterColumn<T>[] {
  return additionalPrinterColumns.map((column) => ({
    ...column,
    cell: (object, nowMs) => column.cell(toStored(object), nowMs),
  }));
}

/**
 * The stored kind's strategy for objects of the other form: they are converted for every step, and back where a step
 * changes them. Defaults come with the conversion.
 */
export function viewStrategy<T extends ApiObject, S extends ApiObject>(
  { strategy }: Resource<S>,
  conversion: Conversion<T, S>,
): Strategy<T> {
  const { toStored, fromStored } = conversion;
  /** Lets `change` work on the stored form of `object`, and takes over what has become of it. */
  const through = (object: T, change: (stored: S) => void): void => {
    const stored = structuredClone(toStored(object));
    change(stored);
    takeOver(object, structuredClone(fromStored(stored)));
  };
  const { status } = strategy;
  return {
    ...constantsOf(strategy),
    default: (object) => through(object, (stored) => strategy.default?.(stored)),
    prepareForCreate: (object, context) => through(object, (stored) => strategy.prepareForCreate?.(stored, context)),
    prepareForUpdate: (next, previous, context) =>
      through(next, (stored) => strategy.prepareForUpdate?.(stored, toStored(previous), context)),
    validate: (object) => strategy.validate?.(toStored(object)) ?? [],
    validateUpdate: (next, previous) =>
      (strategy.validateUpdate ?? strategy.validate)?.call(strategy, toStored(next), toStored(previous)) ?? [],
    warnings: (object, previous) => strategy.warnings?.(toStored(object), previous && toStored(previous)) ?? [],
    ...(status && {
      status: {
        ...(status.keptMetadata && { keptMetadata: status.keptMetadata }),
        validateUpdate: (next, previous) => status.validateUpdate?.(toStored(next), toStored(previous)) ?? [],
      },
    }),
  };
}

/** What of a strategy does not look at objects. */
function constantsOf<S extends ApiObject>(strategy: Strategy<S>): Strategy<ApiObject> {
  const { validateName, allowsPlainFinalizers, orphansDependents, allowCreateOnUpdate } = strategy;
  const { allowUnconditionalUpdate, hasGeneration } = strategy;
  return {
    ...(validateName && { validateName }),
    ...(allowsPlainFinalizers !== undefined && { allowsPlainFinalizers }),
    ...(orphansDependents && { orphansDependents }),
    ...(allowCreateOnUpdate !== undefined && { allowCreateOnUpdate }),
    ...(allowUnconditionalUpdate !== undefined && { allowUnconditionalUpdate }),
    ...(hasGeneration !== undefined && { hasGeneration }),
  };
}

function takeOver<T extends object>(object: T, changed: T): void {
  for (const key of Object.keys(object)) if (!Object.hasOwn(changed, key)) delete object[key as keyof T];
  Object.assign(object, changed);
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

/** An older version with nearly the form of the stored one. Out of the category `all`, where the stored one is. */
export function olderVersion<T extends ApiObject>(current: Resource<T>, older: OlderVersion<T>): Resource<T> {
  const { group, version } = older;
  const conversion: Conversion<T, T> = {
    toStored: (object) => converted(object, apiVersionOf(current), older.convert?.toStored),
    fromStored: (object) => converted(object, apiVersionOf(older), older.convert?.fromStored),
  };
  const strategy = viewStrategy(current, conversion);
  const name = (of: { group: string; version: string }): string => `${apiVersionOf(of)} ${current.names.kind}`;
  return {
    ...current,
    group,
    version,
    schema: older.schema,
    names: { ...current.names, categories: current.names.categories.filter((category) => category !== 'all') },
    view: conversion as unknown as NonNullable<Resource<T>['view']>,
    additionalPrinterColumns: viewColumns(current, conversion),
    selectableFields: current.selectableFields,
    strategy: {
      ...strategy,
      default(object) {
        older.default?.(object);
        strategy.default!(object);
      },
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
