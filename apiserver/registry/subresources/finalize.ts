/** `namespaces/finalize`: sets `spec.finalizers` alone; a namespace that is going goes when the last one has. */
import type { Namespace } from '../../../api/core/v1/namespace.ts';
import { validateNamespaceFinalize } from '../../../api/core/v1/namespace.ts';
import type { ApiObject } from '../../../api/machinery/meta.ts';
import { decodeObject } from '../../decode.ts';
import { pathName } from '../../request-info.ts';
import { encodedResponse } from '../../responses.ts';
import type { Subresource, VerbHandler } from '../../router.ts';
import { checkName } from '../../verbs/update.ts';
import { writeContext } from '../../verbs/write-context.ts';

type Finalizable = ApiObject & { spec?: { finalizers?: string[] } };

const update: VerbHandler = async (context, kind, { store, schemas }) => {
  const wanted = decodeObject(context, kind, schemas) as Finalizable;
  const name = pathName(context.info);
  checkName(wanted, name);
  const result = await store.update({
    kind,
    key: { namespace: '', name },
    subresource: 'finalize',
    context: writeContext(context),
    rules: { validateUpdate: (next) => validateNamespaceFinalize(next as Namespace) },
    transform: (current: Finalizable) => {
      const { resourceVersion } = wanted.metadata;
      current.spec = { ...current.spec, finalizers: wanted.spec?.finalizers ?? [] };
      if (resourceVersion === undefined) delete current.metadata.resourceVersion;
      else current.metadata.resourceVersion = resourceVersion;
      return current;
    },
  });
  return encodedResponse(result.encoded);
};

export const finalizeSubresource: Subresource = {
  name: 'finalize',
  kind: { group: '', version: 'v1', kind: 'Namespace' },
  verbs: { update },
};
