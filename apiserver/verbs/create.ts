/** POST: creates an object of a kind. */
import type { ApiResponse } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import * as errors from '../../api/machinery/errors.ts';
import { decodeObject } from '../decode.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { RequestContext } from '../request-context.ts';
import { encodedResponse } from '../responses.ts';
import type { VerbDependencies } from './dependencies.ts';
import { writeContext } from './write-context.ts';

export async function create(
  context: RequestContext,
  kind: ServedKind,
  { store, schemas }: VerbDependencies,
): Promise<ApiResponse> {
  const object = decodeObject(context, kind, schemas);
  takeNamespaceFromPath(context, kind, object);
  return encodedResponse(await store.create(kind, object, writeContext(context)), 201);
}

/** The path decides the namespace; a body that names another is refused (`rest.EnsureObjectNamespaceMatchesRequestNamespace`). */
export function takeNamespaceFromPath(context: RequestContext, kind: ServedKind, object: ApiObject): void {
  const { namespace } = context.info;
  if (kind.resource.scope === 'Cluster') {
    delete object.metadata.namespace;
    return;
  }
  const sent = object.metadata.namespace ?? '';
  if (sent !== '' && sent !== namespace) {
    throw errors.badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  object.metadata.namespace = namespace;
}
