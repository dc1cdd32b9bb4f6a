/** The garbage collector takes no pod whose owner is there and is not going. */
import { controllerUid } from '../state.ts';
import type { Check, Invariant } from './invariant.ts';

export const collection: Invariant = ({ cluster, violated }) =>
  ({
    onChange({ kind, object, previous }) {
      if (kind !== 'pods' || previous === undefined || previous.metadata.deletionTimestamp !== undefined) return;
      if (object !== undefined && object.metadata.deletionTimestamp === undefined) return;
      const { namespace, name } = previous.metadata;
      const deleter = cluster.deleterOf(`/api/v1/namespaces/${namespace}/pods/${name}`);
      const owner = cluster.state.byUid(controllerUid(previous) ?? '');
      if (
        deleter === 'generic-garbage-collector' &&
        owner !== undefined &&
        owner.metadata.deletionTimestamp === undefined
      )
        violated(`${name} was collected, and its owner ${owner.metadata.name} is there`);
    },
  }) satisfies Check;
