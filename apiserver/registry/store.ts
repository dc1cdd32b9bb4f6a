/**
 * The generic registry: every kind is created, changed and deleted here, in one order of steps, with what its
 * strategy adds (apiserver `registry/generic/registry/store.go`).
 *
 * create: mutating admission → fill metadata → strategy → validate → validating admission → hooks → storage
 * update: read → preconditions → transform → the same → storage by compare-and-swap, again from the read when it lost
 */
import type { ApiObject } from '../../api/machinery/meta.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { FieldError } from '../../api/machinery/field-error.ts';
import { fieldPath } from '../../api/machinery/field-error.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../../api/machinery/object-meta.ts';
import type { ObjectMetaRules } from '../../api/machinery/object-meta.ts';
import type { DeleteOptions } from '../../api/machinery/resource.ts';
import type { EncodedObject, UserInfo } from '../../api/machinery/handler.ts';
import type { SchemaTable } from '../../api/schema/schema.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { AdmissionAttributes, AdmissionPlugin, ObjectForm } from '../admission/admission.ts';
import { AdmissionChain } from '../admission/admission-chain.ts';
import { CachedObject } from '../cacher/cached-object.ts';
import { encodeForStorage } from '../cacher/codec.ts';
import type { StoredState } from '../cacher/kind-cache.ts';
import type { WatchCache } from '../cacher/watch-cache.ts';
import type { Storage } from '../storage/storage.ts';
import { StorageError } from '../storage/storage.ts';
import { translateStorageError } from '../storage-errors.ts';
import { attributesOf } from './admission-attributes.ts';
import { decideDeletion, isFullyFinalized } from './deletion.ts';
import { FieldOwnership, keepEntries, keepTimes } from './field-ownership.ts';
import {
  clearSystemMetadata,
  fillMetadataForCreate,
  needsName,
  generateName,
  keepSystemMetadata,
  onlyStatusFrom,
} from './object-meta.ts';
import { checkPreconditions, checkWriteConditions } from './preconditions.ts';
import type { UpdateRules } from './strategy-update.ts';
import { prepareByStrategy, validateByStrategy } from './strategy-update.ts';
import { isAsStored, readable, written } from './stored-state.ts';
import type { ServedKind } from './served-kind.ts';

/** Who writes, and how. */
export interface WriteContext {
  user: UserInfo;
  dryRun: boolean;
  /** `metadata.managedFields[].manager`. */
  fieldManager: string;
  /** The object brings the entries of managedFields that an apply has made of it. */
  isApply?: boolean;
  warn(text: string): void;
  /** The request's options, as admission shows them. */
  options?(operation: 'CREATE' | 'UPDATE'): Record<string, unknown>;
  /** Keeps a value for the audit log. */
  annotate?(key: string, value: string): void;
}

/** A request that is admitted by itself. */
export interface AdmittedSubresource {
  key: ObjectKey;
  subresource: string;
  context: WriteContext;
  /** Default: CREATE. */
  operation?: AdmissionAttributes['operation'];
  /** Of an UPDATE. */
  oldObject?: ApiObject;
  /** Of the object, where it is not the kind's own. */
  form?: ObjectForm;
}

export interface ObjectKey {
  namespace: string;
  name: string;
}

/** Side effects of a kind's writes, such as IP allocation. The function returned undoes it when the write fails. */
export interface WriteHook {
  beforeCreate?(object: ApiObject, context: WriteContext): Promise<UndoWrite> | UndoWrite;
  beforeUpdate?(next: ApiObject, previous: ApiObject, context: WriteContext): Promise<UndoWrite> | UndoWrite;
  afterDelete?(object: ApiObject): Promise<void> | void;
}

export type UndoWrite = () => Promise<void> | void;

export interface StoreOptions {
  storage: Storage;
  watchCache: WatchCache;
  schemas: SchemaTable;
  admission: readonly AdmissionPlugin[];
  clock: Clock;
  random: Random;
}

export interface UpdateRequest {
  kind: ServedKind;
  key: ObjectKey;
  /** `''`, `status`, or another subresource that replaces the object (`finalize`, `approval`). */
  subresource: string;
  /** Gives the wanted object from a private copy of the present one. May throw `ApiError`. Called again after a lost race. */
  transform: (current: ApiObject) => ApiObject | Promise<ApiObject>;
  /**
   * The transform is given the present object itself, frozen. What it gives back shares the parts that it does not
   * change, and is complete; its metadata is its own.
   */
  sharesCurrent?: boolean;
  context: WriteContext;
  /** Gives what to create where there is nothing: for a PUT with `allowCreateOnUpdate`, and for an apply. */
  createInstead?: () => ApiObject | Promise<ApiObject>;
  /** Of a subresource other than `status`. */
  rules?: UpdateRules;
  /** Admission has seen the request in another form (`pods/binding`). */
  isAdmitted?: boolean;
  /** A patch applies to whatever is there: a race that it lost is run again, though the result carries a version. */
  retriesLostRace?: boolean;
}

export interface DeleteRequest {
  options: DeleteOptions;
  context: WriteContext;
  /** Admission has seen the request in another form (`pods/eviction`). */
  isAdmitted?: boolean;
}

export interface WriteResult {
  encoded: EncodedObject;
  created: boolean;
}

export type DeleteResult = { removed: true; last: EncodedObject } | { removed: false; object: EncodedObject };

const MAX_ATTEMPTS = 100;
const GENERATE_NAME_ATTEMPTS = 8;
const undoNothing = (): void => undefined;

export class Store {
  readonly #options: StoreOptions;
  readonly #admission: AdmissionChain;
  readonly #hooks = new Map<string, WriteHook>();
  readonly #fields: FieldOwnership;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#fields = new FieldOwnership(options);
    this.#admission = new AdmissionChain(options.admission);
  }

  /** Adds side effects to a kind's writes. */
  addHook(kind: ServedKind, hook: WriteHook): void {
    this.#hooks.set(kind.cache.keyPrefix, hook);
  }

  /** Linearizable. Throws NotFound, and what is wrong with a damaged object. */
  async get(kind: ServedKind, key: ObjectKey): Promise<CachedObject> {
    const object = await this.#find(kind, key);
    if (object.damage !== undefined) throw object.damage;
    return readable(kind, object);
  }

  async #find(kind: ServedKind, { namespace, name }: ObjectKey): Promise<CachedObject> {
    await this.#options.watchCache.freshen();
    const object = kind.cache.getCached(namespace, name);
    if (object === undefined) throw errors.notFound(kind.groupResource, name);
    return object;
  }

  /** Takes over `object`, a private copy that has been checked against the schema and defaulted. */
  async create(kind: ServedKind, object: ApiObject, context: WriteContext): Promise<EncodedObject> {
    const { clock, random, watchCache } = this.#options;
    const { strategy } = kind.resource;
    const nowMs = clock.now();
    // Admission reads the cache: the namespace that was made just before must be there.
    await watchCache.freshen();
    object.kind = kind.groupKind.kind;
    object.apiVersion = kind.apiVersion;
    clearSystemMetadata(object);
    const attributes = attributesOf(kind, {
      operation: 'CREATE',
      object,
      oldObject: undefined,
      subresource: '',
      context,
    });
    // What admission and the strategy set is nobody's.
    await this.#fields.record({ kind, next: object, previous: undefined, subresource: '', context });
    await this.#mutate(attributes);
    checkNamespaceKept(object, attributes);
    const mayHaveAnother = needsName(object);
    fillMetadataForCreate(kind.resource, object, { nowMs, random });
    attributes.name = object.metadata.name ?? '';
    strategy.prepareForCreate?.(object, { user: context.user, nowMs, dryRun: context.dryRun });
    this.#throwIfInvalid(kind, object, [...this.#validateMeta(kind, object), ...(strategy.validate?.(object) ?? [])]);
    for (const text of strategy.warnings?.(object, undefined) ?? []) context.warn(text);
    await this.#admission.validate(attributes);
    const undo = (await this.#hooks.get(kind.cache.keyPrefix)?.beforeCreate?.(object, context)) ?? undoNothing;
    if (context.dryRun) return this.#dryRunCreate(kind, object, undo);
    let state: StoredState;
    try {
      state = await this.#insert(kind, object, mayHaveAnother);
    } catch (error) {
      await undo();
      throw error;
    }
    return written(kind, state);
  }

  async update(request: UpdateRequest): Promise<WriteResult> {
    const { kind, key, context, createInstead } = request;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      await this.#options.watchCache.freshen();
      const current = kind.cache.getCached(key.namespace, key.name);
      if (current !== undefined) {
        const encoded = await this.#updateOnce(request, current);
        if (encoded !== undefined) return { encoded, created: false };
        continue;
      }
      if (createInstead === undefined) throw errors.notFound(kind.groupResource, key.name);
      try {
        return { encoded: await this.create(kind, await createInstead(), context), created: true };
      } catch (error) {
        // Somebody was faster: then this is an update.
        if (!errors.isAlreadyExists(error)) throw error;
      }
    }
    throw errors.conflict(kind.groupResource, key.name, errors.OPTIMISTIC_LOCK_MESSAGE);
  }

  async delete(kind: ServedKind, key: ObjectKey, request: DeleteRequest): Promise<DeleteResult> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const current = await this.#find(kind, key);
      if (current.damage !== undefined) return this.#deleteDamaged(kind, key, request);
      await readable(kind, current);
      checkPreconditions(kind, current, request.options);
      const result = await this.#deleteOnce(kind, current, request);
      if (result !== undefined) return result;
    }
    throw errors.conflict(kind.groupResource, key.name, errors.OPTIMISTIC_LOCK_MESSAGE);
  }

  /**
   * Runs admission for a subresource that stores nothing by itself (`serviceaccounts/token`) or something else than it
   * is sent (`pods/binding`). Throws to refuse; mutating plugins may change `object`.
   */
  async admit(kind: ServedKind, object: ApiObject, about: AdmittedSubresource): Promise<void> {
    const { key, subresource, context, form, operation = 'CREATE', oldObject } = about;
    const attributes: AdmissionAttributes = {
      ...attributesOf(kind, { operation, object, oldObject, subresource, context }),
      ...key,
      ...(form && { form }),
    };
    await this.#admission.mutate(attributes);
    await this.#admission.validate(attributes);
  }

  /** Undefined when another write came first. */
  async #updateOnce(request: UpdateRequest, current: CachedObject): Promise<EncodedObject | undefined> {
    const { kind, context, subresource } = request;
    await readable(kind, current);
    const previous = current.object();
    const wanted = await request.transform(presentFor(request, current));
    const conditional = checkWriteConditions(kind, wanted, previous);
    const next = await this.#prepareUpdate(request, wanted, previous);
    if (isFullyFinalized(next, kind.resource.strategy))
      return this.#finishDeletion(kind, current, { object: next, context });
    keepTimes(next, previous);
    // The order in which a client wrote the fields is no change.
    if (isAsStored(kind, current, next)) return current;
    const value = await kind.cache.encode(next);
    const hook = subresource === 'status' ? undefined : this.#hooks.get(kind.cache.keyPrefix);
    const undo = (await hook?.beforeUpdate?.(next, previous, context)) ?? undoNothing;
    if (context.dryRun) {
      await undo();
      const shown = hook === undefined ? value : await kind.cache.encode(next);
      return written(kind, { key: current.key, value: shown, revision: current.revision });
    }
    const state: StoredState = { key: current.key, value, revision: current.revision };
    try {
      if (hook !== undefined) state.value = await kind.cache.encode(next);
      state.revision = await this.#options.storage.update(state.key, state.value, {
        expectedRevision: current.revision,
      });
    } catch (error) {
      await undo();
      if (!isLostRace(error)) throw translateStorageError(error);
      // What a deletion won is not found when it is read again.
      if (conditional && request.retriesLostRace !== true && error.code !== 'key-not-found')
        throw errors.conflict(kind.groupResource, request.key.name, errors.OPTIMISTIC_LOCK_MESSAGE);
      return undefined;
    }
    return written(kind, state);
  }

  async #prepareUpdate(request: UpdateRequest, wanted: ApiObject, previous: ApiObject): Promise<ApiObject> {
    const { kind, context, subresource } = request;
    const { strategy } = kind.resource;
    const nowMs = this.#options.clock.now();
    const isStatus = subresource === 'status';
    // Before the frozen parts of `previous` come in, which defaulting must not touch.
    if (request.sharesCurrent !== true) strategy.default?.(wanted);
    const next = isStatus ? onlyStatusFrom(wanted, previous) : wanted;
    next.kind = kind.groupKind.kind;
    next.apiVersion = kind.apiVersion;
    keepSystemMetadata(next, previous);
    const attributes = attributesOf(kind, {
      operation: 'UPDATE',
      object: next,
      oldObject: previous,
      subresource,
      context,
    });
    const write = { kind, next, previous, subresource, context };
    if (request.rules === undefined) await this.#fields.record(write);
    if (request.isAdmitted !== true) await this.#mutate(attributes);
    keepSystemMetadata(next, previous);
    prepareByStrategy(request, { next, previous, nowMs });
    // A subresource's rules take back most of what was sent.
    if (request.rules !== undefined) await this.#fields.record(write);
    const problems = validateObjectMetaUpdate(next.metadata, previous.metadata, metadataRules(kind));
    this.#throwIfInvalid(kind, next, [...problems, ...validateByStrategy(request, { next, previous })]);
    if (subresource === '') for (const text of strategy.warnings?.(next, previous) ?? []) context.warn(text);
    if (request.isAdmitted !== true) await this.#admission.validate(attributes);
    return next;
  }

  async #deleteOnce(
    kind: ServedKind,
    current: CachedObject,
    { options, context, isAdmitted }: DeleteRequest,
  ): Promise<DeleteResult | undefined> {
    const { clock } = this.#options;
    const oldObject = current.object();
    if (isAdmitted !== true) await this.#admitDeletion(kind, oldObject, { options, context });
    const decision = decideDeletion(current.decode(), kind.resource.strategy, { ...options, nowMs: clock.now() });
    if (decision.type === 'pending') return { removed: false, object: current };
    try {
      if (decision.type === 'remove') {
        const last = await this.#remove(kind, current, context.dryRun);
        return { removed: true, last };
      }
      kind.resource.strategy.prepareForUpdate?.(decision.object, oldObject, {
        user: context.user,
        nowMs: clock.now(),
        dryRun: context.dryRun,
      });
      // What it says in its status is the endpoint's own word, and not the client's.
      if (oldObject.metadata.deletionTimestamp === undefined)
        kind.resource.strategy.beginDeletion?.(decision.object, clock.now());
      const value = await kind.cache.encode(decision.object);
      const { key } = current;
      if (context.dryRun)
        return { removed: false, object: await written(kind, { key, value, revision: current.revision }) };
      const revision = await this.#options.storage.update(current.key, value, { expectedRevision: current.revision });
      return { removed: false, object: await written(kind, { key, value, revision }) };
    } catch (error) {
      if (isLostRace(error)) return undefined;
      throw translateStorageError(error);
    }
  }

  async #admitDeletion(kind: ServedKind, oldObject: ApiObject, { options, context }: DeleteRequest): Promise<void> {
    const about = { operation: 'DELETE', object: undefined, oldObject, subresource: '', context } as const;
    const attributes: AdmissionAttributes = {
      ...attributesOf(kind, about),
      options: () => ({ ...options, kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1' }),
    };
    await this.#admission.mutate(attributes);
    await this.#admission.validate(attributes);
  }

  /** Undefined when another write came first. */
  async #finishDeletion(
    kind: ServedKind,
    current: CachedObject,
    { object, context }: { object: ApiObject; context: WriteContext },
  ): Promise<EncodedObject | undefined> {
    try {
      const value = await kind.cache.encode(object);
      const { revision } = await this.#remove(kind, current, context.dryRun);
      return await written(kind, { key: current.key, value, revision });
    } catch (error) {
      if (isLostRace(error)) return undefined;
      throw translateStorageError(error);
    }
  }

  /** Its finalizers cannot be read: what they were for is left to whoever deletes it. */
  async #deleteDamaged(kind: ServedKind, key: ObjectKey, { options, context }: DeleteRequest): Promise<DeleteResult> {
    const { revision, key: storageKey } = kind.cache.getCached(key.namespace, key.name)!;
    const oldObject = { kind: kind.groupKind.kind, apiVersion: kind.apiVersion, metadata: { ...key } };
    await this.#admitDeletion(kind, oldObject, { options, context });
    const last = new CachedObject(storageKey, encodeForStorage(oldObject), revision);
    if (context.dryRun) return { removed: true, last };
    try {
      await this.#options.storage.delete(storageKey, { expectedRevision: revision });
      return { removed: true, last };
    } catch (error) {
      throw translateStorageError(error);
    }
  }

  async #remove(kind: ServedKind, current: CachedObject, dryRun: boolean): Promise<CachedObject> {
    if (dryRun) return current;
    const revision = await this.#options.storage.delete(current.key, { expectedRevision: current.revision });
    await this.#hooks.get(kind.cache.keyPrefix)?.afterDelete?.(current.object());
    return current.at(revision);
  }

  /** A name that was generated and is taken gives way to another. */
  async #insert(kind: ServedKind, object: ApiObject, mayHaveAnother: boolean): Promise<StoredState> {
    const { metadata } = object;
    for (let attempt = 1; ; attempt++) {
      const key = kind.cache.keyOf(metadata.namespace ?? '', metadata.name!);
      const value = await kind.cache.encode(object);
      try {
        return { key, value, revision: await this.#options.storage.create(key, value) };
      } catch (error) {
        if (!(error instanceof StorageError) || error.code !== 'key-exists') throw translateStorageError(error);
        if (!mayHaveAnother || attempt >= GENERATE_NAME_ATTEMPTS)
          throw errors.alreadyExists(kind.groupResource, metadata.name!);
        metadata.name = generateName(metadata.generateName!, this.#options.random);
      }
    }
  }

  async #dryRunCreate(kind: ServedKind, object: ApiObject, undo: UndoWrite): Promise<EncodedObject> {
    await undo();
    await this.#options.watchCache.freshen();
    const { namespace = '', name = '' } = object.metadata;
    if (kind.cache.getCached(namespace, name) !== undefined) throw errors.alreadyExists(kind.groupResource, name);
    return { object: () => object, bytes: () => Buffer.from(JSON.stringify(object)) };
  }

  async #mutate(attributes: AdmissionAttributes): Promise<void> {
    const managedFields = attributes.object?.metadata.managedFields;
    await this.#admission.mutate(attributes);
    keepEntries(attributes, managedFields);
  }

  #validateMeta(kind: ServedKind, object: ApiObject): FieldError[] {
    return validateObjectMeta(object.metadata, metadataRules(kind));
  }

  #throwIfInvalid(kind: ServedKind, object: ApiObject, problems: FieldError[]): void {
    if (problems.length > 0) throw errors.invalidObject(kind.groupKind, object.metadata.name ?? '', problems);
  }
}

function presentFor({ sharesCurrent }: UpdateRequest, current: CachedObject): ApiObject {
  return sharesCurrent === true ? current.object() : current.decode();
}

/** A mutating plugin may name an object, and not move it. */
function checkNamespaceKept({ metadata }: ApiObject, { namespace }: AdmissionAttributes): void {
  if ((metadata.namespace ?? '') === namespace) return;
  throw errors.badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

function metadataRules({ resource: { scope, strategy } }: ServedKind): ObjectMetaRules {
  return {
    requiresNamespace: scope === 'Namespaced',
    validateName: strategy.validateName,
    qualifiesFinalizers: strategy.allowsPlainFinalizers !== true,
    path: fieldPath('metadata'),
  };
}

function isLostRace(error: unknown): error is StorageError {
  return error instanceof StorageError && (error.code === 'revision-mismatch' || error.code === 'key-not-found');
}
