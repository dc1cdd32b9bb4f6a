/** `/scale`: an autoscaling/v1 Scale over the replica fields that a kind's definition names. */
import type { ApiObject } from '../../../api/machinery/meta.ts';
import * as errors from '../../../api/machinery/errors.ts';
import { fieldPath, invalid } from '../../../api/machinery/field-error.ts';
import { selectorFromMap, selectorFromObject } from '../../../api/machinery/label-selector.ts';
import type { LabelSelector } from '../../../api/machinery/meta.ts';
import { ageSince } from '../../../api/machinery/duration.ts';
import type { ApiResponse } from '../../../api/machinery/handler.ts';
import type { PrinterColumn, ScaleSubresource } from '../../../api/machinery/resource.ts';
import type { ScaledKind } from '../../../api/managed-fields/scale.ts';
import { entriesAfterScale, scaleEntries } from '../../../api/managed-fields/scale.ts';
import { KIND_OF_SCALE } from '../../discovery/scale-kind.ts';
import type { RequestContext } from '../../request-context.ts';
import { pathName } from '../../request-info.ts';
import { render } from '../../render/render.ts';
import { encodedObject } from '../../responses.ts';
import type { Subresource, VerbHandler } from '../../router.ts';
import { writeContext } from '../../verbs/write-context.ts';
import type { ServedKind } from '../served-kind.ts';
import { SCALE, readScaleChange } from './scale-change.ts';

interface Scale extends ApiObject {
  spec: { replicas?: number };
  status: { replicas: number; selector?: string };
}

function readPath(object: unknown, path: string): unknown {
  let value: unknown = object;
  for (const part of path.split('.').filter((name) => name !== ''))
    value = (value as Record<string, unknown> | undefined)?.[part];
  return value;
}

function writePath(object: ApiObject, path: string, value: unknown): void {
  const parts = path.split('.').filter((name) => name !== '');
  let parent = object as unknown as Record<string, unknown>;
  for (const part of parts.slice(0, -1)) parent = (parent[part] ??= {}) as Record<string, unknown>;
  parent[parts.at(-1)!] = value;
}

/** A selector's query form: it is text in custom resources, a map in ReplicationControllers, otherwise an object. */
function selectorText(selector: unknown): string {
  if (typeof selector !== 'object' || selector === null) return String(selector);
  const isMap = Object.values(selector).every((value) => typeof value === 'string');
  const compiled = isMap
    ? selectorFromMap(selector as Record<string, string>)
    : selectorFromObject(selector as LabelSelector);
  return compiled.toString();
}

function scaleOf(object: ApiObject, paths: ScaleSubresource): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.labelSelectorPath === undefined ? undefined : readPath(object, paths.labelSelectorPath);
  const replicas = readPath(object, paths.specReplicasPath) as number | undefined;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp } as ApiObject['metadata'],
    spec: replicas === undefined ? {} : { replicas },
    status: {
      replicas: (readPath(object, paths.statusReplicasPath) as number | undefined) ?? 0,
      ...(selector === undefined ? {} : { selector: selectorText(selector) }),
    },
  };
}

/** Throws Invalid for a replica count that is none. */
function replicasOf(scale: Scale, name: string): number {
  const replicas = scale.spec?.replicas ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    throw errors.badRequest(
      'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32',
    );
  }
  if (replicas >= 0) return replicas;
  const problem = invalid(fieldPath('spec', 'replicas'), replicas, 'must be greater than or equal to 0');
  throw errors.invalidObject({ group: 'autoscaling', kind: 'Scale' }, name, [problem]);
}

const get: VerbHandler = async (context, kind, { store, clock }) => {
  const object = await store.get(kind, { namespace: context.info.namespace, name: pathName(context.info) });
  return answer(context, kind, { object: object.object() as ApiObject, nowMs: clock.now() });
};

/** What a Table of Scales shows (upstream `pkg/printers/internalversion/printers.go`, `printScale`). */
const COLUMNS: readonly PrinterColumn<ApiObject>[] = [
  { name: 'Desired', type: 'integer', cell: (scale) => (scale as Scale).spec.replicas ?? 0 },
  { name: 'Available', type: 'integer', cell: (scale) => (scale as Scale).status.replicas },
  { name: 'Age', type: 'string', cell: ({ metadata }, nowMs) => ageSince(metadata.creationTimestamp, nowMs) },
];

function answer(
  context: RequestContext,
  kind: ServedKind,
  { object, nowMs }: { object: ApiObject; nowMs: number },
): ApiResponse {
  const { resource } = kind;
  const shown = { ...kind, resource: { ...resource, additionalPrinterColumns: COLUMNS } };
  return render(context, shown, { object: encodedObject(scaleOf(object, resource.subresources.scale!)), nowMs });
}

const write: VerbHandler = async (context, kind, { store, schemas, clock }) => {
  const paths = kind.resource.subresources.scale!;
  const name = pathName(context.info);
  const key = { namespace: context.info.namespace, name };
  const about = {
    key,
    subresource: 'scale',
    context: writeContext(context),
    operation: 'UPDATE',
    form: SCALE,
  } as const;
  const change = readScaleChange(context, kind, { schemas, clock });
  const scaled = scaledKind(kind, paths.specReplicasPath);
  const result = await store.update({
    kind,
    key,
    subresource: '',
    context: { ...about.context, isApply: true },
    isAdmitted: true,
    retriesLostRace: context.request.method === 'PATCH',
    transform: async (current) => {
      const present = current.metadata.managedFields ?? [];
      const before = scaleOf(current, paths);
      const { scale, entries } = change(scaleOf(current, paths), scaleEntries(present, scaled));
      await store.admit(kind, scale, { ...about, oldObject: before });
      const { resourceVersion } = scale.metadata ?? {};
      writePath(current, paths.specReplicasPath, replicasOf(scale as Scale, name));
      if (typeof resourceVersion !== 'string' || resourceVersion === '') delete current.metadata.resourceVersion;
      else current.metadata.resourceVersion = resourceVersion;
      const managedFields = entriesAfterScale(present, entries, scaled);
      if (managedFields.length > 0) current.metadata.managedFields = managedFields;
      return current;
    },
  });
  return answer(context, kind, { object: result.encoded.object() as ApiObject, nowMs: clock.now() });
};

function scaledKind({ apiVersion, versions }: ServedKind, replicasPath: string): ScaledKind {
  if (versions === undefined) return { apiVersion, replicasPath };
  return { apiVersion, replicasPath, isVersion: (version) => versions.schemaOf(version) !== undefined };
}

export const scaleSubresource: Subresource = {
  name: 'scale',
  kind: KIND_OF_SCALE,
  verbs: { get, update: write, patch: write },
};

export function hasScale(kind: ServedKind): boolean {
  return kind.resource.subresources.scale !== undefined;
}
