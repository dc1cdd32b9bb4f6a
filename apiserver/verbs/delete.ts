/** DELETE of one object and of a collection (apiserver `endpoints/handlers/delete.go`). */
import type { ApiResponse } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { DeleteOptions } from '../../api/machinery/resource.ts';
import type { SchemaTable } from '../../api/schema/schema.ts';
import { decodeAs } from '../decode.ts';
import { asksNothing } from '../registry/deletion.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { RequestContext } from '../request-context.ts';
import { pathName } from '../request-info.ts';
import { encodedResponse, objectResponse, successStatus } from '../responses.ts';
import type { VerbDependencies } from './dependencies.ts';
import { matchingObjects, readPage } from './list.ts';
import { readOptionsOf } from './list-options.ts';
import { writeContext } from './write-context.ts';

export async function deleteOne(
  context: RequestContext,
  kind: ServedKind,
  { store, schemas }: VerbDependencies,
): Promise<ApiResponse> {
  const options = deleteOptionsOf(context, schemas);
  const key = { namespace: context.info.namespace, name: pathName(context.info) };
  warnOfOrphans(context, kind, options);
  const result = await store.delete(kind, key, { options, context: writeContext(context, options.dryRun) });
  if (!result.removed) return encodedResponse(result.object);
  const { uid } = (result.last.object() as ApiObject).metadata;
  const { group } = kind.groupResource;
  return objectResponse(
    successStatus({
      name: key.name,
      ...(group === '' ? {} : { group }),
      kind: kind.resource.names.plural,
      ...(uid === undefined ? {} : { uid }),
    }),
  );
}

/** Deletes every object that the selectors leave; answers with the list as it was. */
export async function deleteCollection(
  context: RequestContext,
  kind: ServedKind,
  dependencies: VerbDependencies,
): Promise<ApiResponse> {
  const options = deleteOptionsOf(context, dependencies.schemas);
  const write = writeContext(context, options.dryRun);
  warnOfOrphans(context, kind, options);
  const objects = await matchingObjects(context, kind, dependencies);
  for (const { metadata } of objects) {
    const key = { namespace: metadata.namespace ?? '', name: metadata.name! };
    try {
      await dependencies.store.delete(kind, key, { options, context: write });
    } catch (error) {
      if (!errors.isNotFound(error)) throw error;
    }
  }
  const page = await readPage(context, kind, {
    dependencies,
    options: { ...readOptionsOf(context, kind), revision: 0, continue: '', limit: 1 },
  });
  const { resourceVersion } = page.metadata;
  return objectResponse({
    kind: kind.resource.names.listKind,
    apiVersion: kind.apiVersion,
    metadata: { resourceVersion },
    items: objects,
  });
}

function warnOfOrphans(context: RequestContext, { resource }: ServedKind, options: DeleteOptions): void {
  const { warning } = resource.strategy.orphansDependents ?? {};
  if (warning !== undefined && asksNothing(options)) context.warnings.add(warning);
}

/** From the body, or where there is none from the query. Throws for values that upstream refuses. */
export function deleteOptionsOf(context: RequestContext, schemas: SchemaTable): DeleteOptions {
  const { request } = context;
  const hasBody = request.object !== undefined || (request.body !== undefined && request.body.length > 0);
  const options = hasBody ? readBody(context, schemas) : readQuery(request.query);
  checkDeleteOptions(options);
  return options;
}

function readBody(context: RequestContext, schemas: SchemaTable): DeleteOptions {
  const form = { schema: 'V1DeleteOptions', kind: 'DeleteOptions', apiVersion: 'v1' };
  const options = decodeAs<DeleteOptions & { kind?: string }>(context, form, schemas);
  if (options.kind !== undefined && options.kind !== 'DeleteOptions')
    throw errors.badRequest('decoded object cannot be converted to DeleteOptions');
  return options;
}

function readQuery(query: URLSearchParams): DeleteOptions {
  const options: DeleteOptions = {};
  const grace = query.get('gracePeriodSeconds');
  if (grace !== null && grace !== '') options.gracePeriodSeconds = Number(grace);
  const policy = query.get('propagationPolicy');
  if (policy !== null && policy !== '')
    options.propagationPolicy = policy as NonNullable<DeleteOptions['propagationPolicy']>;
  const orphan = query.get('orphanDependents');
  if (orphan !== null && orphan !== '') options.orphanDependents = orphan === 'true';
  return options;
}

function checkDeleteOptions(options: DeleteOptions): void {
  const { gracePeriodSeconds, propagationPolicy, orphanDependents } = options;
  const refuse = (text: string): never => {
    const message = `DeleteOptions.meta.k8s.io "" is invalid: ${text}`;
    throw new errors.ApiError({
      code: 422,
      reason: 'Invalid',
      message,
      details: { group: 'meta.k8s.io', kind: 'DeleteOptions' },
    });
  };
  if (gracePeriodSeconds !== undefined && !Number.isSafeInteger(gracePeriodSeconds)) {
    throw errors.badRequest(
      'json: cannot unmarshal into Go struct field DeleteOptions.gracePeriodSeconds of type int64',
    );
  }
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    refuse(
      'propagationPolicy: Invalid value: "' +
        propagationPolicy +
        '": orphanDependents and deletionPropagation cannot be both set',
    );
  }
  if (propagationPolicy !== undefined && !['Foreground', 'Background', 'Orphan'].includes(propagationPolicy)) {
    refuse(
      `propagationPolicy: Unsupported value: ${JSON.stringify(propagationPolicy)}: supported values: "Foreground", "Background", "Orphan", "nil"`,
    );
  }
}
