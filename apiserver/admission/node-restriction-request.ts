/** What the checks of NodeRestriction read, and for which node. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Lister, Listers } from '../../api/machinery/handler.ts';

export interface NodeRequest {
  nodeName: string;
  pods: Lister<Pod>;
  nodes: Lister;
  listers: Listers;
}
