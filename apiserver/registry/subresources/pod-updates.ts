/** `pods/ephemeralcontainers` and `pods/resize`: the whole pod goes in and out, a part of it changes. */
import type { PodSubresourceUpdate } from '../../../api/core/v1/pod/subresource-updates.ts';
import { ephemeralContainersUpdate, resizeUpdate } from '../../../api/core/v1/pod/subresource-updates.ts';
import type { Subresource } from '../../router.ts';
import { get } from '../../verbs/get.ts';
import { patchWith } from '../../verbs/patch.ts';
import { updateWith } from '../../verbs/update.ts';
import type { UpdateRules } from '../strategy-update.ts';

function podSubresource(name: string, update: PodSubresourceUpdate): Subresource {
  // Its kind is Pod: nothing else comes this way.
  const rules = update as unknown as UpdateRules;
  return {
    name,
    kind: { group: '', version: 'v1', kind: 'Pod' },
    verbs: { get, patch: patchWith(rules), update: updateWith(rules) },
  };
}

export const ephemeralContainersSubresource = podSubresource('ephemeralcontainers', ephemeralContainersUpdate);
export const resizeSubresource = podSubresource('resize', resizeUpdate);
