/** How upstream's messages name a pod: `web_default(<uid>)` (`pkg/kubelet/util/format`). */
import type { Pod } from '../../api/core/v1/pod/types.ts';

export function podText({ metadata: { name, namespace, uid } }: Pod): string {
  return `${name}_${namespace}(${uid})`;
}
