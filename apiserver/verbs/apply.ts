/** PATCH with an applied configuration: server-side apply (apiserver `endpoints/handlers/patch.go` applyPatcher). */
import type { ApiResponse } from '../../api/machinery/handler.ts';
import type { ApiObject, ManagedFieldsEntry } from '../../api/machinery/meta.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { ApplyPatch } from '../../api/managed-fields/apply.ts';
import { applyPatch, applyPatchLater } from '../../api/managed-fields/apply.ts';
import { KUBECTL_MANAGER, lastAppliedFields, refreshLastApplied } from '../../api/managed-fields/last-applied.ts';
import { recordUpdate } from '../../api/managed-fields/managed-fields.ts';
import { cloneJson } from '../../api/patch/json-value.ts';
import { checkStructure } from '../../api/schema/check.ts';
import type { SchemaTable } from '../../api/schema/schema.ts';
import { formatTime } from '../../base/clock.ts';
import { checkObject } from '../decode.ts';
import { resetFields } from '../registry/field-ownership.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { UpdateRules } from '../registry/strategy-update.ts';
import type { RequestContext } from '../request-context.ts';
import { pathName } from '../request-info.ts';
import { encodedResponse } from '../responses.ts';
import { readApplied } from './applied-body.ts';
import { authorizeCreate } from './authorize-create.ts';
import { takeNamespaceFromPath } from './create.ts';
import type { VerbDependencies } from './dependencies.ts';
import { isForced } from './write-options.ts';
import { checkName } from './update.ts';
import { writeContext } from './write-context.ts';

/** Owns what an object without managedFields has when it is first applied to (`skipnonapplied.go`). */
export const BEFORE_FIRST_APPLY = 'before-first-apply';

interface ApplyRequest {
  context: RequestContext;
  kind: ServedKind;
  dependencies: VerbDependencies;
}

interface Configuration {
  /** As it was sent. */
  sent: ApiObject;
  /** Checked, pruned, and without what this endpoint does not write. */
  applied: ApiObject;
}

/** Creates what is missing, but not through a subresource. The options have been checked. */
export async function apply(
  context: RequestContext,
  kind: ServedKind,
  { dependencies, rules }: { dependencies: VerbDependencies; rules: UpdateRules | undefined },
): Promise<ApiResponse> {
  const request = { context, kind, dependencies };
  const configuration = readConfiguration(request);
  const { namespace, subresource } = context.info;
  const createInstead = (): Promise<ApiObject> => {
    authorizeCreate(context, dependencies.authorize);
    return created(request, configuration);
  };
  const result = await dependencies.store.update({
    kind,
    key: { namespace, name: pathName(context.info) },
    subresource,
    transform: (current) => changed(request, configuration, current),
    context: { ...writeContext(context), isApply: true },
    retriesLostRace: true,
    ...(subresource === '' ? { createInstead } : {}),
    ...(rules === undefined ? {} : { rules }),
  });
  return encodedResponse(result.encoded, result.created ? 201 : 200);
}

function readConfiguration(request: ApplyRequest): Configuration {
  const { context, kind, dependencies } = request;
  const { apiVersion, groupKind, resource } = kind;
  const form = { apiVersion, kind: groupKind.kind, schema: resource.schema };
  const sent = readApplied(context, form, dependencies.schemas);
  const applied = cloneJson(sent);
  checkObject(context, applied, { kind, schemas: dependencies.schemas, duplicates: [], keepsZeros: true });
  takeNamespaceFromPath(context, kind, applied);
  checkName(applied, pathName(context.info));
  return { sent, applied: withoutUnwritten(applied, request) };
}

/** `/status` writes nothing but metadata and status, and where it exists nobody else writes status. */
function withoutUnwritten(applied: ApiObject, { context, kind }: ApplyRequest): ApiObject {
  if (context.info.subresource === 'status') {
    const { kind: name, apiVersion, metadata, status } = applied as ApiObject & { status?: unknown };
    for (const field of kind.resource.strategy.status?.keptMetadata ?? []) delete metadata[field];
    return { kind: name, apiVersion, metadata, ...(status === undefined ? {} : { status }) } as ApiObject;
  }
  if (kind.resource.subresources.status === undefined) return applied;
  const { status: _status, ...rest } = applied as ApiObject & { status?: unknown };
  return rest;
}

async function created(request: ApplyRequest, configuration: Configuration): Promise<ApiObject> {
  const { context, kind } = request;
  const { metadata } = configuration.applied;
  if ((metadata.uid ?? '') !== '') {
    const cause = `uid mismatch: the provided object specified uid ${metadata.uid!}, and no existing object was found`;
    throw errors.conflict(kind.groupResource, pathName(context.info), cause);
  }
  const { kind: name, apiVersion } = configuration.applied;
  const skeleton = { kind: name, apiVersion, metadata: cloneJson(metadata) } as ApiObject;
  for (const field of TRACKED_METADATA) delete skeleton.metadata[field];
  const next = await merged(request, configuration, { live: skeleton, managedFields: [] });
  kind.resource.strategy.default?.(next);
  return next;
}

/** What an apply owns in metadata; the rest identifies the object. */
const TRACKED_METADATA = ['labels', 'annotations', 'finalizers', 'ownerReferences', 'managedFields'] as const;

async function changed(request: ApplyRequest, configuration: Configuration, current: ApiObject): Promise<ApiObject> {
  const managedFields = current.metadata.managedFields ?? [];
  const next = await merged(request, configuration, {
    live: current,
    managedFields: managedFields.length > 0 ? managedFields : beforeFirstApply(request, current),
  });
  const { uid = '', resourceVersion = '' } = configuration.applied.metadata;
  if (uid !== '') next.metadata.uid = uid;
  if (resourceVersion !== '') next.metadata.resourceVersion = resourceVersion;
  return next;
}

async function merged(
  { context, kind, dependencies }: ApplyRequest,
  { applied, sent }: Configuration,
  { live, managedFields }: { live: ApiObject; managedFields: readonly ManagedFieldsEntry[] },
): Promise<ApiObject> {
  const manager = context.request.query.get('fieldManager') ?? '';
  const { versions } = kind;
  const typed = { apiVersion: kind.apiVersion, schema: kind.resource.schema, table: dependencies.schemas, versions };
  const patch: ApplyPatch = {
    ...typed,
    live,
    applied,
    managedFields,
    manager,
    force: isForced(context),
    subresource: context.info.subresource,
    time: formatTime(dependencies.clock.now()),
    mayTake: manager === KUBECTL_MANAGER ? lastAppliedFields(live, typed) : undefined,
    ignored: resetFields(kind, context.info.subresource),
    toStored: (object) => toStored(object, kind, dependencies.schemas),
  };
  const result = versions === undefined ? applyPatch(patch) : await applyPatchLater(patch);
  const next = result.object;
  if (result.managedFields.length > 0) next.metadata.managedFields = result.managedFields;
  else delete next.metadata.managedFields;
  if (manager === KUBECTL_MANAGER) refreshLastApplied(next, sent);
  return next;
}

/** The configuration and the live object have been checked: there is nothing to refuse. */
function toStored(object: ApiObject, kind: ServedKind, schemas: SchemaTable): ApiObject {
  const stored = cloneJson(object);
  const { schema, structure } = kind.resource;
  const { apiVersion, groupKind } = kind;
  if (structure !== undefined) structure.check(stored);
  else checkStructure({ table: schemas, schema, kind: groupKind.kind, apiVersion, object: stored });
  return stored;
}

function beforeFirstApply({ kind, dependencies }: ApplyRequest, current: ApiObject): ManagedFieldsEntry[] {
  return recordUpdate({
    previous: undefined,
    next: current,
    managedFields: [],
    manager: BEFORE_FIRST_APPLY,
    apiVersion: kind.apiVersion,
    time: formatTime(dependencies.clock.now()),
    schema: kind.resource.schema,
    table: dependencies.schemas,
  });
}
