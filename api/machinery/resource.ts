/**
 * What a kind is: one definition, pure data and pure functions, from which routes, discovery, OpenAPI, tables,
 * informers, garbage collection and the generic tests derive. Built-in kinds and CRDs compile into the same object.
 * Field names are those of `CustomResourceDefinition.spec`.
 */
import type { StructureResult } from '../schema/check.ts';
import type { FieldError } from './field-error.ts';
import type { ApiObject } from './meta.ts';
import type { UserInfo } from './handler.ts';

export interface ResourceNames {
  plural: string;
  singular: string;
  kind: string;
  /** Defaults to `<kind>List`. */
  listKind?: string;
  shortNames?: readonly string[];
  categories?: readonly string[];
}

/** Column of a Table (`kubectl get`); `priority` 1 shows only with `-o wide`. The first column, Name, is always there. */
export interface PrinterColumn<T> {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  format?: string;
  description?: string;
  priority?: 0 | 1;
  /** The cell as kubectl shows it; `nowMs` is for ages. Must not throw on incomplete objects. */
  cell(object: T, nowMs: number): string | number | boolean | null;
}

export interface StrategyContext {
  user: UserInfo;
  nowMs: number;
  dryRun: boolean;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  orphanDependents?: boolean;
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: string[];
}

export type KeptMetadata = 'labels' | 'annotations' | 'finalizers' | 'ownerReferences';

/**
 * A kind's own rules, as pure functions. `default`, `prepareForCreate` and `prepareForUpdate` mutate a private copy;
 * the validations report every problem and never throw, whatever the input (structure and types have been checked).
 */
export interface Strategy<T extends ApiObject> {
  /** Fills in defaults; runs on every decoded object, on create, update, and patch results. */
  default?(object: T): void;
  /** Clears what clients may not set at creation (status) and sets what the server decides. */
  prepareForCreate?(object: T, context: StrategyContext): void;
  /** Keeps what this endpoint may not change (status). `metadata.generation` is raised generically when spec differs. */
  prepareForUpdate?(next: T, previous: T, context: StrategyContext): void;
  /** Everything but metadata, which is validated generically with `validateName`. */
  validate?(object: T): FieldError[];
  /** Everything that an update must satisfy: usually `validate(next)` and immutability. */
  validateUpdate?(next: T, previous: T): FieldError[];
  /** Texts for `Warning` headers. */
  warnings?(object: T, previous: T | undefined): string[];
  /** How `metadata.name` must look; an empty list when it is right. Default: DNS subdomain. */
  validateName?(name: string, prefix: boolean): string[];
  /** Finalizers need no domain: kinds that upstream leaves to apimachinery's rules alone. */
  allowsPlainFinalizers?: boolean;
  /** For writes to `/status`. Without it, everything but `.status` and metadata is kept generically. */
  status?: {
    /** What of metadata stays as it was, too. */
    keptMetadata?: readonly KeptMetadata[];
    prepareForUpdate?(next: T, previous: T, context: StrategyContext): void;
    validateUpdate?(next: T, previous: T): FieldError[];
  };
  /**
   * The grace period, in seconds, that deletion of this object takes; `undefined` or 0: it goes at once
   * (finalizers aside). Only pods have one.
   */
  gracefulDeletion?(object: T, options: DeleteOptions): number | undefined;
  /** Marks the first deletion with finalizers of the server's own and what it says of them; a second call adds nothing. */
  beginDeletion?(object: T, nowMs: number): void;
  /**
   * A deletion that does not say what becomes of the dependents leaves them, as before there was a choice; `warning`
   * tells whoever asked for one (`DefaultGarbageCollectionPolicy`).
   */
  orphansDependents?: { warning?: string };
  /** Finalizers of the storage layer, such as `kubernetes` in a Namespace's `spec.finalizers`: true while one remains. */
  hasPendingFinalizers?(object: T): boolean;
  /** PUT of an object that does not exist creates it. */
  allowCreateOnUpdate?: boolean;
  /** A PUT without resourceVersion overwrites. Default true, as for most built-in kinds. */
  allowUnconditionalUpdate?: boolean;
  /** Kinds without `metadata.generation` raised on spec changes. Default: raised when the kind has a `spec`. */
  hasGeneration?: boolean;
  /** Whether an update of what is not `/status` raises the generation. Default: when `spec` differs. */
  startsGeneration?(next: T, previous: T): boolean;
}

/**
 * A kind whose objects are stored as those of another kind with the same `storagePrefix`: how each form becomes the
 * other.
 */
export interface ObjectView<T extends ApiObject> {
  /** Pure; may share parts with its argument. */
  toStored(object: T): ApiObject;
  /** May change its argument, a private copy, and gives the argument itself when it has this form already. */
  fromStored(object: ApiObject): ApiObject;
  /** Of a kind whose stored objects may have other versions, which were stored once. */
  storedApiVersion?: string;
  /** Of a kind with a converter of its own: then both are given objects that it has converted already. */
  converted?: ConvertedView;
}

/** A version of a kind that somebody outside converts, from and to any other. */
export interface ConvertedView {
  apiVersion: string;
  storedApiVersion: string;
  convert: VersionConverter;
}

/**
 * Gives the objects, in their order, in a version; those that have it are given back themselves, the others as private
 * copies. The arguments stay as they are. Rejects with an ApiError.
 */
export type VersionConverter = (objects: readonly ApiObject[], apiVersion: string) => Promise<ApiObject[]>;

/** How objects are read whose structure is data of the cluster, and not of the schema table. */
export interface ObjectStructure {
  /** Prunes and checks in place, with `checkStructure`'s results. */
  check(object: ApiObject): StructureResult;
}

export interface ScaleSubresource {
  specReplicasPath: string;
  statusReplicasPath: string;
  labelSelectorPath?: string;
}

export interface Resource<T extends ApiObject = ApiObject> {
  /** `''` is the core group. */
  group: string;
  version: string;
  scope: 'Namespaced' | 'Cluster';
  names: Required<ResourceNames>;
  /** Name of the kind's schema in the table: `V1Pod`. */
  schema: string;
  /** Of custom kinds; others are read by their schema. */
  structure?: ObjectStructure;
  /** Key prefix under `/registry/`, as upstream lays it out in etcd: `pods`, `services/specs`, `minions`. */
  storagePrefix: string;
  /** Absent: objects are stored in this kind's own form. */
  view?: ObjectView<T>;
  subresources: { status?: Record<string, never>; scale?: ScaleSubresource };
  /** Verbs of discovery and of the router. */
  verbs: readonly string[];
  additionalPrinterColumns: readonly PrinterColumn<T>[];
  /** Field selectors beside metadata.name and metadata.namespace. */
  selectableFields: Readonly<Record<string, (object: T) => string>>;
  strategy: Strategy<T>;
  /** Seconds after which an object of this kind goes by itself (events); 0: never. */
  ttlSeconds: number;
  /** What everyone is warned of who uses this version of the kind, whatever the verb; empty: nothing. */
  deprecationWarning: string;
}

export interface ResourceInit<T extends ApiObject> {
  group: string;
  version: string;
  scope: 'Namespaced' | 'Cluster';
  names: ResourceNames;
  schema: string;
  structure?: ObjectStructure;
  storagePrefix?: string;
  view?: ObjectView<T>;
  subresources?: Resource['subresources'];
  verbs?: readonly string[];
  additionalPrinterColumns?: readonly PrinterColumn<T>[];
  selectableFields?: Readonly<Record<string, (object: T) => string>>;
  strategy?: Strategy<T>;
  ttlSeconds?: number;
  deprecationWarning?: string;
}

/** Verbs of an ordinary stored kind, in discovery's order. */
export const STORED_VERBS = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
] as const;

export function defineResource<T extends ApiObject>(init: ResourceInit<T>): Resource<T> {
  return {
    group: init.group,
    version: init.version,
    scope: init.scope,
    names: { listKind: `${init.names.kind}List`, shortNames: [], categories: [], ...init.names },
    schema: init.schema,
    ...(init.structure === undefined ? {} : { structure: init.structure }),
    storagePrefix: init.storagePrefix ?? init.names.plural,
    ...(init.view === undefined ? {} : { view: init.view }),
    subresources: init.subresources ?? {},
    verbs: init.verbs ?? STORED_VERBS,
    additionalPrinterColumns: init.additionalPrinterColumns ?? [],
    selectableFields: init.selectableFields ?? {},
    strategy: init.strategy ?? {},
    ttlSeconds: init.ttlSeconds ?? 0,
    deprecationWarning: init.deprecationWarning ?? '',
  };
}

/** `v1`, `apps/v1` */
export function apiVersionOf(resource: { group: string; version: string }): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}
