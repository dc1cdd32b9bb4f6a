/** Makes the older models from those of the package. */
import { OLDER_MODELS } from '../older-models.ts';
import type { OlderModel } from '../older-models.ts';
import type { Model, ModelField } from './model-text.ts';

/** The package's models and the older ones. Throws when one is like a model that is not there, or lacks what that lacks. */
export function withOlderModels(models: readonly Model[], older: readonly OlderModel[] = OLDER_MODELS): Model[] {
  const byName = new Map(models.map((model) => [model.name, model]));
  return [...models, ...older.map((one) => olderModel(one, byName))];
}

function olderModel(
  { name, like, description, without = [], fields = {}, optional = [], required = [] }: OlderModel,
  models: ReadonlyMap<string, Model>,
): Model {
  const newer = models.get(like);
  if (newer === undefined) throw new Error(`${name} is like ${like}, which the package does not have`);
  const known = new Set(newer.fields.map((field) => field.name));
  const stale = [...without, ...optional].filter((field) => !known.has(field));
  if (stale.length > 0) throw new Error(`${like} has no ${stale.join(', ')}, which ${name} changes`);
  const kept = newer.fields
    .filter((field) => !without.includes(field.name))
    .map((field): ModelField => ({
      ...field,
      type: fields[field.name] ?? field.type,
      required: field.required && !optional.includes(field.name),
    }));
  const added = Object.entries(fields)
    .filter(([field]) => !known.has(field))
    .map(([field, type]): ModelField => ({
      name: field,
      type,
      format: '',
      required: required.includes(field),
      description: '',
    }));
  return { name, description: description ?? newer.description, fields: [...kept, ...added] };
}
