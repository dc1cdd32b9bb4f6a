/** Tables: what `kubectl get` prints, made by the server from a kind's printer columns (meta.k8s.io/v1 Table). */
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { PrinterColumn, Resource } from '../../api/machinery/resource.ts';
import { ageSince } from '../../api/machinery/duration.ts';

export interface TableColumnDefinition {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}

export interface TableRow {
  cells: (string | number | boolean | null)[];
  object?: unknown;
}

export interface Table {
  kind: 'Table';
  apiVersion: MetaApiVersion;
  metadata: object;
  columnDefinitions: TableColumnDefinition[];
  rows: TableRow[];
}

/** Tables and metadata come in two versions that are alike. */
export type MetaApiVersion = 'meta.k8s.io/v1' | 'meta.k8s.io/v1beta1';

/** `includeObject` of the request: what each row carries beside its cells. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

const NAME_COLUMN: TableColumnDefinition = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  priority: 0,
};

/** What kinds without columns of their own show. */
const DEFAULT_COLUMNS: readonly PrinterColumn<ApiObject>[] = [
  { name: 'Age', type: 'string', cell: (object, nowMs) => ageSince(object.metadata.creationTimestamp, nowMs) },
];

function columnsOf(resource: Resource): readonly PrinterColumn<ApiObject>[] {
  return resource.additionalPrinterColumns.length > 0 ? resource.additionalPrinterColumns : DEFAULT_COLUMNS;
}

/** Events show their name last, and only when asked for more. */
function hasOwnName(resource: Resource): boolean {
  return resource.additionalPrinterColumns.some(({ name }) => name === 'Name');
}

export function columnDefinitions(resource: Resource): TableColumnDefinition[] {
  const own = columnsOf(resource).map(({ name, type, format = '', description = '', priority = 0 }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
  return hasOwnName(resource) ? own : [NAME_COLUMN, ...own];
}

export function tableRow(
  resource: Resource,
  object: ApiObject,
  { nowMs, include, apiVersion }: { nowMs: number; include: IncludeObject; apiVersion: MetaApiVersion },
): TableRow {
  const own = columnsOf(resource).map((column) => column.cell(object, nowMs));
  const cells = hasOwnName(resource) ? own : [object.metadata.name ?? '', ...own];
  switch (include) {
    case 'None':
      return { cells };
    case 'Object':
      return { cells, object };
    case 'Metadata':
      return { cells, object: partialMetadata(object, apiVersion) };
  }
}

export function tableOf(
  apiVersion: MetaApiVersion,
  { definitions, metadata, rows }: { definitions: TableColumnDefinition[]; metadata: object; rows: TableRow[] },
): Table {
  return { kind: 'Table', apiVersion, metadata, columnDefinitions: definitions, rows };
}

export function partialMetadata(object: ApiObject, apiVersion: MetaApiVersion): ApiObject {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
}
