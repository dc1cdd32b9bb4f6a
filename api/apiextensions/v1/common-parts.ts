/**
 * What all versions of a definition have in common is validated once, at the place where upstream's internal form has
 * it: messages say `spec.validation` then (upstream: apiextensions-apiserver `pkg/apis/apiextensions/v1/conversion.go`).
 */
import { equalJson } from '../../patch/json-value.ts';
import type { Columns, SelectableFields, Subresources } from './definition-parts.ts';
import type { CustomResourceDefinitionSpec, CustomResourceDefinitionVersion, JsonSchemaProps } from './types.ts';

/** The parts that stand either in every version or beside them. */
export interface VersionParts {
  /** Of `schema`; its absence and that of its `openAPIV3Schema` are the same. */
  openAPIV3Schema?: JsonSchemaProps | undefined;
  subresources?: Subresources | undefined;
  additionalPrinterColumns?: Columns | undefined;
  selectableFields?: SelectableFields | undefined;
}

export interface SplitParts {
  common: VersionParts;
  /** In the order of the versions; without what is common. */
  versions: VersionParts[];
}

function partsOf({
  schema,
  subresources,
  additionalPrinterColumns,
  selectableFields,
}: CustomResourceDefinitionVersion): VersionParts {
  return {
    openAPIV3Schema: schema?.openAPIV3Schema ?? undefined,
    subresources: subresources ?? undefined,
    additionalPrinterColumns: additionalPrinterColumns ?? [],
    selectableFields: selectableFields ?? [],
  };
}

export function splitParts({ versions }: CustomResourceDefinitionSpec): SplitParts {
  const parts = versions.map(partsOf);
  const common: VersionParts = {};
  const isCommon = (name: keyof VersionParts): boolean =>
    parts.length > 0 && parts.every((part) => equalJson(part[name], parts[0]![name]));
  const isSchemaCommon = isCommon('openAPIV3Schema');
  const names = (['openAPIV3Schema', 'subresources', 'additionalPrinterColumns'] as const).filter(isCommon);
  const moved: (keyof VersionParts)[] = [...names];
  // They are paths into the schema, and stay with it.
  if (isSchemaCommon && isCommon('selectableFields')) moved.push('selectableFields');
  for (const name of moved) Object.assign(common, { [name]: parts[0]![name] });
  for (const part of parts) for (const name of moved) delete part[name];
  return { common, versions: parts };
}
