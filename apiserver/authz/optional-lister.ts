/** Listers of kinds that this server may not serve. */
import type { Lister, Listers } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';

/** The kind's lister; one without objects when the kind is not served. */
export function listerIfServed<T extends ApiObject>(
  listers: Listers,
  resource: { group: string; plural: string },
): Lister<T> {
  try {
    return listers<T>(resource);
  } catch {
    return { generation: 0, get: () => undefined, list: () => [] };
  }
}
