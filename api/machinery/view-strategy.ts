/**
 * The strategy of an older version of a kind: its own defaults, and for all else the rules of the version in which
 * objects are stored, asked about the stored form. Problems therefore name the stored form's fields, as upstream's do.
 */
import type { ApiObject } from './meta.ts';
import type { ObjectView, Resource, Strategy, StrategyContext } from './resource.ts';

export interface ViewStrategyInit<T extends ApiObject> {
  view: ObjectView<T>;
  /** The version's own defaults; the stored form's follow. */
  default?(object: T): void;
}

export function viewStrategy<T extends ApiObject, S extends ApiObject>(
  stored: Resource<S>,
  { view, default: setDefaults }: ViewStrategyInit<T>,
): Strategy<T> {
  const { strategy } = stored;
  const toStored = (object: T): S => view.toStored(object) as S;
  /** Runs what mutates a stored form on `object`, in its own form. */
  const inStoredForm = (object: T, change: ((form: S) => void) | undefined): void => {
    if (change === undefined) return;
    const form = toStored(object);
    change(form);
    replaceContent(object, view.fromStored(form));
  };
  const { prepareForCreate, prepareForUpdate, validate, validateUpdate, warnings, status } = strategy;
  return {
    ...flagsOf(strategy),
    default(object) {
      setDefaults?.(object);
      inStoredForm(object, strategy.default && ((form) => strategy.default?.(form)));
    },
    prepareForCreate: (object: T, context: StrategyContext) =>
      inStoredForm(object, prepareForCreate && ((form) => prepareForCreate.call(strategy, form, context))),
    prepareForUpdate: (next: T, previous: T, context: StrategyContext) =>
      inStoredForm(
        next,
        prepareForUpdate && ((form) => prepareForUpdate.call(strategy, form, toStored(previous), context)),
      ),
    validate: (object: T) => validate?.call(strategy, toStored(object)) ?? [],
    validateUpdate: (next: T, previous: T) =>
      (validateUpdate ?? validate)?.call(strategy, toStored(next), toStored(previous)) ?? [],
    warnings: (object: T, previous: T | undefined) =>
      warnings?.call(strategy, toStored(object), previous && toStored(previous)) ?? [],
    ...(status && {
      status: {
        ...(status.keptMetadata && { keptMetadata: status.keptMetadata }),
        prepareForUpdate: (next: T, previous: T, context: StrategyContext) =>
          inStoredForm(
            next,
            status.prepareForUpdate && ((form) => status.prepareForUpdate?.(form, toStored(previous), context)),
          ),
        validateUpdate: (next: T, previous: T) => status.validateUpdate?.(toStored(next), toStored(previous)) ?? [],
      },
    }),
  };
}

/** What does not depend on the form. */
function flagsOf<S extends ApiObject>(strategy: Strategy<S>): Pick<Strategy<ApiObject>, (typeof FLAGS)[number]> {
  const kept = FLAGS.filter((flag) => strategy[flag] !== undefined).map((flag) => [flag, strategy[flag]]);
  return Object.fromEntries(kept) as Pick<Strategy<ApiObject>, (typeof FLAGS)[number]>;
}

const FLAGS = [
  'validateName',
  'allowsPlainFinalizers',
  'allowCreateOnUpdate',
  'allowUnconditionalUpdate',
  'hasGeneration',
] as const;

function replaceContent(object: ApiObject, content: ApiObject): void {
  const target = object as unknown as Record<string, unknown>;
  const given = content as unknown as Record<string, unknown>;
  for (const key of Object.keys(target)) if (!Object.hasOwn(given, key)) delete target[key];
  Object.assign(target, given);
}
