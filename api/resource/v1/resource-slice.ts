/** ResourceSlice: devices that a driver offers on a node or on several (upstream: `pkg/registry/resource/resourceslice`). */
import { deepEqual } from '../../machinery/equality.ts';
import { defineResource } from '../../machinery/resource.ts';
import { ageColumn } from '../../table-cells.ts';
import { validateSlice } from './resource-slice/validation.ts';
import type { ResourceSlice } from './resource-slice/types.ts';

export type { ResourceSlice } from './resource-slice/types.ts';

type Device = NonNullable<NonNullable<ResourceSlice['spec']>['devices']>[number];

export const resourceSlices = defineResource<ResourceSlice>({
  group: 'resource.k8s.io',
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'resourceslices', singular: 'resourceslice', kind: 'ResourceSlice' },
  schema: 'V1ResourceSlice',
  additionalPrinterColumns: [
    { name: 'Node', type: 'string', description: 'Node of the devices', cell: ({ spec }) => spec?.nodeName ?? '' },
    { name: 'Driver', type: 'string', description: 'Driver that offers them', cell: ({ spec }) => spec?.driver ?? '' },
    {
      name: 'Pool',
      type: 'string',
      description: 'Pool that they belong to',
      cell: ({ spec }) => spec?.pool?.name ?? '',
    },
    ageColumn(),
  ],
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
    'spec.driver': ({ spec }) => spec?.driver ?? '',
  },
  strategy: {
    prepareForCreate: (slice, { nowMs }) => prepareDevices(slice, undefined, nowMs),
    prepareForUpdate: (next, previous, { nowMs }) => prepareDevices(next, previous, nowMs),
    validate: (slice) => validateSlice(slice),
    validateUpdate: (next, previous) => validateSlice(next, previous),
    hasGeneration: true,
  },
});

/**
 * Says when each taint was added, and leaves out fields of alpha features that are off. A taint that was there keeps
 * its time, so that the same manifest changes nothing.
 */
function prepareDevices(next: ResourceSlice, previous: ResourceSlice | undefined, nowMs: number): void {
  const before = new Map((previous?.spec?.devices ?? []).map((device) => [device.name, device]));
  for (const device of next.spec?.devices ?? []) {
    delete device.nodeAllocatableResourceMappings;
    for (const attribute of Object.values(device.attributes ?? {})) {
      for (const field of ['bools', 'ints', 'strings', 'versions'] as const) delete attribute[field];
    }
    stampTaints(device, before.get(device.name), nowMs);
  }
}

function stampTaints(device: Device, previous: Device | undefined, nowMs: number): void {
  for (const taint of device.taints ?? []) {
    const { timeAdded: _given, ...rest } = taint;
    const same = previous?.taints?.find(({ timeAdded: _time, ...other }) => deepEqual(other, rest));
    taint.timeAdded ??= same?.timeAdded ?? `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  }
}
