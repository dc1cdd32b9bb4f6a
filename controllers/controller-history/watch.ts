/** Which changes of ControllerRevisions concern their workloads (upstream `daemon_controller.go`, `addHistory` …). */
import { controllerRevisions } from '../../api/apps/v1/controller-revision.ts';
import { selectorFromObject } from '../../api/machinery/label-selector.ts';
import type { ResourceRef } from '../../client/client.ts';
import type { WatchDeclaration } from '../../client/controller.ts';
import { formatKey, keyOf } from '../../client/keys.ts';
import { controllerOf, refersTo } from '../../client/owner-references.ts';
import type { SelectingOwner } from '../claim-pods.ts';

/**
 * A revision that is gone may be made again, and one without a controller may be adopted. What others do to a revision
 * that is there concerns nobody: a second one of the same data is left alone until its workload has work to do.
 */
export function watchRevisions(workloads: ResourceRef): WatchDeclaration {
  return {
    resource: controllerRevisions,
    map(revision, cache) {
      const { namespace = '', name = '', uid, labels } = revision.metadata;
      const owner = controllerOf(revision);
      if (owner === undefined) {
        return cache
          .lister<SelectingOwner>(workloads)
          .list({ namespace })
          .filter(({ spec }) => selectorFromObject(spec.selector).matches(labels))
          .map(keyOf);
      }
      const isThere = cache.lister(controllerRevisions).get(namespace, name)?.metadata.uid === uid;
      return isThere || !refersTo(owner, workloads) ? [] : [formatKey({ namespace, name: owner.name })];
    },
  };
}
