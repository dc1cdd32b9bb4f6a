/** GET of one object. */
import type { ApiResponse } from '../../api/machinery/handler.ts';
import * as errors from '../../api/machinery/errors.ts';
import { parseResourceVersion } from '../cacher/codec.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { readable } from '../registry/stored-state.ts';
import { render } from '../render/render.ts';
import type { RequestContext } from '../request-context.ts';
import { pathName } from '../request-info.ts';
import type { VerbDependencies } from './dependencies.ts';

/** `resourceVersion` `0` takes what the cache has; a number waits for it; none is linearizable. */
export async function get(
  context: RequestContext,
  kind: ServedKind,
  dependencies: VerbDependencies,
): Promise<ApiResponse> {
  const requested = context.request.query.get('resourceVersion') ?? '';
  const name = pathName(context.info);
  if (requested !== '') {
    const revision = parseResourceVersion(requested);
    if (revision === undefined)
      throw errors.badRequest(
        `resourceVersion: Invalid value: ${JSON.stringify(requested)}: strconv.ParseUint: parsing ${JSON.stringify(requested)}: invalid syntax`,
      );
    await dependencies.watchCache.waitFor(revision);
  } else {
    await dependencies.watchCache.freshen();
  }
  const object = kind.cache.getCached(context.info.namespace, name);
  if (object === undefined) throw errors.notFound(kind.groupResource, name);
  if (object.damage !== undefined) throw object.damage;
  return render(context, kind, { object: await readable(kind, object), nowMs: dependencies.clock.now() });
}
