/** One established CustomResourceDefinition: its versions as kinds of the router, with their schemas. */
import {
  customResource,
  schemaOfVersion,
  storagePrefixOf,
  storageVersionOf,
} from '../../api/apiextensions/v1/custom-resource.ts';
import { customRootSchema } from '../../api/apiextensions/v1/structural-schema.ts';
import { keepsUnknownFields } from '../../api/apiextensions/v1/structural.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JsonSchemaProps,
} from '../../api/apiextensions/v1/types.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { DynamicSchemaTable } from '../../api/schema/dynamic-table.ts';
import type { Schema } from '../../api/schema/schema.ts';
import type { WatchCache } from '../cacher/watch-cache.ts';
import { linkVersions } from '../registry/kind-versions.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { servedKind } from '../registry/served-kind.ts';
import { addSubresources } from '../registry/subresources/subresources.ts';
import type { Router } from '../router.ts';
import { byVersionPriority } from '../../api/apiextensions/v1/version-priority.ts';
import type { ConversionOptions } from './conversion-webhook.ts';
import { versionConverter } from './conversion-webhook.ts';

export interface ServingOptions {
  router: Router;
  watchCache: WatchCache;
  schemas: DynamicSchemaTable;
  conversion: ConversionOptions;
}

/** Of all definitions that this process has served: names of schemas are never used twice. */
let served = 0;

export class ServedDefinition {
  /** As it was last seen; what matters for serving is that of the constructor's. */
  definition: CustomResourceDefinition;
  readonly storagePrefix: string;
  /** The preferred version first. */
  kinds: readonly ServedKind[] = [];
  /** In the version in which objects are stored, be it served or not: what it is in already, nobody converts. */
  stored: ServedKind | undefined;
  readonly #options: ServingOptions;
  #schemaNames: string[] = [];

  constructor(definition: CustomResourceDefinition, options: ServingOptions) {
    this.definition = definition;
    this.storagePrefix = storagePrefixOf(definition);
    this.#options = options;
  }

  /** Takes the place of `previous` in one step, so that no request finds the kind missing. */
  async add(previous: ServedDefinition | undefined): Promise<void> {
    const { watchCache, router } = this.#options;
    const { spec, metadata } = this.definition;
    await watchCache.open({ storagePrefix: this.storagePrefix, scope: spec.scope as 'Namespaced' | 'Cluster' });
    const number = ++served;
    const versions = spec.versions.filter((version) => version.served);
    this.kinds = versions.sort(byVersionPriority).map((version) => this.#kindOf(version, number));
    const { name } = storageVersionOf(this.definition);
    this.stored = this.kinds.find(({ resource }) => resource.version === name);
    this.stored ??= this.#kindOf(storageVersionOf(this.definition), number);
    linkVersions(this.kinds);
    previous?.remove();
    for (const kind of this.kinds) {
      router.addKind(kind);
      addSubresources(router, kind);
      if (metadata.deletionTimestamp !== undefined) router.refuseCreates(kind, createNotAllowed);
    }
  }

  /** Ends the watches on it, too. */
  remove(): void {
    const { router, watchCache, schemas } = this.#options;
    for (const kind of this.kinds) router.removeKind(kind);
    for (const name of this.#schemaNames) schemas.delete(name);
    watchCache.endWatchers(this);
  }

  #kindOf(version: CustomResourceDefinitionVersion, number: number): ServedKind {
    const { schemas, watchCache } = this.#options;
    const schemaName = `${this.definition.metadata.name}/${version.name}#${number}`;
    const convert = versionConverter(this.definition, this.#options.conversion);
    const resource = customResource(this.definition, { version, schemaName, table: schemas, convert });
    const schema = schemaOfVersion(version);
    this.#setSchema(schemaName, lazySchema(schema));
    this.#setSchema(`${schemaName}List`, listSchema(schemaName));
    return servedKind(resource, watchCache.cacheOf(resource));
  }

  #setSchema(name: string, schema: Schema): void {
    this.#options.schemas.set(name, schema);
    this.#schemaNames.push(name);
  }
}

/** Most custom kinds are never applied: their second form is made when it is asked for. */
function lazySchema(published: JsonSchemaProps): Schema {
  let made: Schema | undefined;
  const lazy: Schema = { type: 'object', published, preserveUnknownFields: keepsUnknownFields(published) };
  const properties = (): Schema['properties'] => (made ??= customRootSchema(published)).properties;
  Object.defineProperty(lazy, 'properties', { enumerable: true, get: properties });
  return lazy;
}

function listSchema(item: string): Schema {
  return {
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      items: { type: 'array', items: { ref: item } },
      kind: { type: 'string' },
      metadata: { ref: 'V1ListMeta' },
    },
  };
}

function createNotAllowed(): errors.ApiError {
  return errors.methodNotAllowed('create not allowed while custom resource definition is terminating');
}
