/** PUT: replaces an object, or with a subresource a part of it. */
import type { ApiResponse } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import * as errors from '../../api/machinery/errors.ts';
import { decodeObject } from '../decode.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { UpdateRules } from '../registry/strategy-update.ts';
import type { RequestContext } from '../request-context.ts';
import { pathName } from '../request-info.ts';
import { encodedResponse } from '../responses.ts';
import { authorizeCreate } from './authorize-create.ts';
import { takeNamespaceFromPath } from './create.ts';
import type { VerbDependencies } from './dependencies.ts';
import { writeContext } from './write-context.ts';

export function update(
  context: RequestContext,
  kind: ServedKind,
  dependencies: VerbDependencies,
): Promise<ApiResponse> {
  return replace(context, kind, { dependencies });
}

/** PUT of a subresource that takes the whole object under rules of its own. */
export function updateWith(rules: UpdateRules): typeof update {
  return (context, kind, dependencies) => replace(context, kind, { dependencies, rules });
}

async function replace(
  context: RequestContext,
  kind: ServedKind,
  { dependencies, rules }: { dependencies: VerbDependencies; rules?: UpdateRules },
): Promise<ApiResponse> {
  const { store, schemas, authorize } = dependencies;
  const object = decodeObject(context, kind, schemas);
  takeNamespaceFromPath(context, kind, object);
  const name = pathName(context.info);
  checkName(object, name);
  const { subresource, namespace } = context.info;
  const createInstead = (): ApiObject => {
    authorizeCreate(context, authorize);
    return structuredClone(object);
  };
  const result = await store.update({
    kind,
    key: { namespace, name },
    subresource,
    transform: () => structuredClone(object),
    context: writeContext(context),
    ...(kind.resource.strategy.allowCreateOnUpdate === true && subresource === '' ? { createInstead } : {}),
    ...(rules === undefined ? {} : { rules }),
  });
  return encodedResponse(result.encoded, result.created ? 201 : 200);
}

/** The name in the body must be the one in the path. */
export function checkName(object: ApiObject, name: string): void {
  const sent = object.metadata.name ?? '';
  if (sent === '') object.metadata.name = name;
  else if (sent !== name)
    throw errors.badRequest(`the name of the object (${sent}) does not match the name on the URL (${name})`);
}
