/** Columns of a custom kind's Table, by the JSON paths of its definition (apiextensions `registry/customresource/tableconvertor`). */
import { ageSince } from '../../machinery/duration.ts';
import { goJson } from '../../machinery/field-error.ts';
import type { ApiObject } from '../../machinery/meta.ts';
import type { PrinterColumn } from '../../machinery/resource.ts';
import { isObject } from '../../patch/json-value.ts';
import { ageColumn } from '../../table-cells.ts';
import type { JsonPath } from './json-path.ts';
import { compileJsonPath } from './json-path.ts';
import type { CustomResourceDefinitionVersion } from './types.ts';

type ColumnDefinition = NonNullable<CustomResourceDefinitionVersion['additionalPrinterColumns']>[number];

/** Without any of its own, a custom kind shows the age. */
export function customColumns(version: CustomResourceDefinitionVersion): PrinterColumn<ApiObject>[] {
  const columns = version.additionalPrinterColumns ?? [];
  return columns.length === 0 ? [ageColumn()] : columns.map(columnOf);
}

function columnOf({ name, type, format, description, priority, jsonPath }: ColumnDefinition): PrinterColumn<ApiObject> {
  const find = lenient(jsonPath);
  return {
    name,
    type: type as PrinterColumn<ApiObject>['type'],
    ...(format === undefined ? {} : { format }),
    description: description ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    ...(priority === undefined ? {} : { priority: priority === 0 ? 0 : 1 }),
    cell: (object, nowMs) => cellOf(type, find(object), nowMs),
  };
}

/** Nobody refuses a path that does not parse: it finds nothing. */
function lenient(text: string): JsonPath {
  try {
    return compileJsonPath(text);
  } catch {
    return () => [];
  }
}

/** Of what is found, the first counts. */
function cellOf(type: string, found: readonly unknown[], nowMs: number): string | number | boolean | null {
  const [value] = found;
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'string':
      return textOf(value);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? dateCell(value, nowMs) : null;
    default:
      return null;
  }
}

function dateCell(value: string, nowMs: number): string {
  return Number.isNaN(Date.parse(value)) ? '<invalid>' : ageSince(value, nowMs);
}

/** As client-go's JSON path prints it: lists and objects as JSON. */
function textOf(value: unknown): string {
  return typeof value === 'object' ? goJson(inOrder(value) as object) : String(value as string | number | boolean);
}

/** With the keys of every object in the order in which Go writes them. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, inOrder(value[key])]),
  );
}
