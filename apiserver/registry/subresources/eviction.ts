/** `pods/eviction`: a deletion that disruption budgets may refuse; there are none yet, so it is a graceful deletion. */
import type { ApiObject } from '../../../api/machinery/meta.ts';
import * as errors from '../../../api/machinery/errors.ts';
import type { DeleteOptions } from '../../../api/machinery/resource.ts';
import { decodeAs } from '../../decode.ts';
import { pathName } from '../../request-info.ts';
import { objectResponse } from '../../responses.ts';
import type { Subresource, VerbHandler } from '../../router.ts';
import { writeContext } from '../../verbs/write-context.ts';

const EVICTION = { schema: 'V1Eviction', kind: 'Eviction', apiVersion: 'policy/v1' };

const create: VerbHandler = async (context, kind, { store, schemas }) => {
  const eviction = decodeAs<ApiObject & { deleteOptions?: DeleteOptions }>(context, EVICTION, schemas);
  const name = pathName(context.info);
  if (eviction.metadata?.name !== undefined && eviction.metadata.name !== name) {
    throw errors.badRequest(`name in URL does not match name in Eviction object`);
  }
  const options = eviction.deleteOptions ?? {};
  await store.delete(
    kind,
    { namespace: context.info.namespace, name },
    { options, context: writeContext(context, options.dryRun) },
  );
  return objectResponse({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }, 201);
};

export const evictionSubresource: Subresource = {
  name: 'eviction',
  kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
  verbs: { create },
};
