/** EndpointSliceMirroring: Endpoints that somebody writes by hand, as EndpointSlices (upstream `pkg/controller/endpointslicemirroring`). */
import type { Endpoints } from '../../api/core/v1/endpoints.ts';
import { endpoints } from '../../api/core/v1/endpoints.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { services } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpoint-slice.ts';
import { endpointSlices } from '../../api/discovery/v1/endpoint-slice.ts';
import { isNotFound } from '../../api/machinery/errors.ts';
import { selectorFromMap } from '../../api/machinery/label-selector.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { newControllerRef } from '../../client/owner-references.ts';
import { isSameSlice, MANAGED_BY_LABEL, SERVICE_NAME_LABEL } from '../endpoint-slice.ts';
import type { MirroredSlice } from './mirrored-slices.ts';
import { MANAGER, MAX_ADDRESSES, mirroredMetadata, mirroredSlices, shouldMirror } from './mirrored-slices.ts';

export const endpointSliceMirroringController = defineController<Endpoints>({
  name: 'endpointslicemirroring-controller',
  component: 'endpoint-slice-mirroring-controller',
  for: endpoints,
  watches: [
    { resource: services, map: ({ metadata }) => [`${metadata.namespace}/${metadata.name}`] },
    {
      resource: endpointSlices,
      map: ({ metadata: { namespace, labels = {} } }) =>
        labels[MANAGED_BY_LABEL] === MANAGER ? [`${namespace}/${labels[SERVICE_NAME_LABEL]}`] : [],
    },
  ],
  writes: [endpointSlices],
  workers: 5,
  async reconcile({ namespace, name }, context) {
    // Observe
    const source = context.lister<Endpoints>(endpoints).get(namespace, name);
    const service = context.lister<Service>(services).get(namespace, name);
    const labelSelector = selectorFromMap({ [SERVICE_NAME_LABEL]: name, [MANAGED_BY_LABEL]: MANAGER });
    const existing = context.lister<EndpointSlice>(endpointSlices).list({ namespace, labelSelector });

    // Decide
    const isMirrored = shouldMirror(source, service);
    const { slices, skipped } = isMirrored ? mirroredSlices(source) : { slices: [], skipped: 0 };
    const { kept, surplus } = matched(existing, slices);

    // Act
    for (const [wanted, slice] of isMirrored ? kept : []) await write(source!, { wanted, slice }, context);
    for (const { metadata } of surplus) await remove(namespace, metadata.name!, context);

    // Report
    if (skipped > 0) {
      const message = `A max of ${MAX_ADDRESSES} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`;
      context.events.event(source!, 'Warning', 'TooManyAddressesToMirror', message);
    }
    return undefined;
  },
});

interface Matched {
  /** What is wanted, with the slice that is to become it. */
  kept: [MirroredSlice, EndpointSlice | undefined][];
  surplus: EndpointSlice[];
}

/** A slice with the same ports stays; else any of the family is filled anew, as a slice cannot change its family. */
export function matched(existing: readonly EndpointSlice[], wanted: readonly MirroredSlice[]): Matched {
  const unused = [...existing];
  const take = (fits: (slice: EndpointSlice) => boolean): EndpointSlice | undefined => {
    const index = unused.findIndex(fits);
    return index < 0 ? undefined : unused.splice(index, 1)[0];
  };
  const samePorts = wanted.map((one) => {
    const ports = JSON.stringify(one.ports);
    return take(
      ({ addressType, ports: own }) => addressType === one.addressType && JSON.stringify(own ?? []) === ports,
    );
  });
  const kept = wanted.map((one, i): [MirroredSlice, EndpointSlice | undefined] => [
    one,
    samePorts[i] ?? take(({ addressType }) => addressType === one.addressType),
  ]);
  return { kept, surplus: unused };
}

async function write(
  source: Endpoints,
  { wanted, slice }: { wanted: MirroredSlice; slice: EndpointSlice | undefined },
  { client }: ControllerContext,
): Promise<void> {
  const { labels = {}, annotations = {} } = mirroredMetadata(source);
  const about = { labels, annotations, ownerReferences: [newControllerRef(source, endpoints)] };
  if (slice !== undefined) {
    const isSame = isSameSlice(slice, { ...wanted, labels }) && sameEntries(slice.metadata.annotations, annotations);
    if (isSame) return;
    await client.update<EndpointSlice>(endpointSlices, {
      ...slice,
      metadata: { ...slice.metadata, ...about },
      ...wanted,
    });
    return;
  }
  if (source.metadata.deletionTimestamp !== undefined) return;
  const { name, namespace } = source.metadata;
  await client.create<EndpointSlice>(endpointSlices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { generateName: `${name}-`, namespace: namespace!, ...about },
    ...wanted,
  });
}

function sameEntries(one: Record<string, string> = {}, other: Record<string, string> = {}): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}

async function remove(namespace: string, name: string, { client }: ControllerContext): Promise<void> {
  await client.delete(endpointSlices, { namespace, name }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
