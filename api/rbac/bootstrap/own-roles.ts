/** Roles that upstream does not have: for the kinds and controllers that come with Nocher. */
import type { ClusterRole } from '../v1/cluster-role.ts';
import { EVENTS, READ, WRITE, aggregatedTo, clusterRole, controllerRole, rule } from './builders.ts';

const ROLLOUTS = 'rollouts.nocher.io';

export const ownControllerRoleTable: readonly ClusterRole[] = [
  controllerRole('rollout-controller', [
    rule(READ, ROLLOUTS, 'rollouts'),
    rule('patch update', ROLLOUTS, 'rollouts/status'),
    rule('update', ROLLOUTS, 'rollouts/finalizers'),
    rule('create delete get list patch update watch', 'apps', 'replicasets'),
    rule('get list patch watch', '', 'services'),
    rule('get list watch', '', 'pods'),
    rule('create delete get list watch', 'batch', 'jobs'),
    rule('create patch update', EVENTS, 'events'),
  ]),
  // As `system:persistent-volume-provisioner`, with what it takes to let volumes grow and to choose a node.
  controllerRole('local-volume-provisioner', [
    rule('create delete get list update watch', '', 'persistentvolumes'),
    rule('get list update watch', '', 'persistentvolumeclaims'),
    rule('update', '', 'persistentvolumeclaims/status'),
    rule(READ, 'storage.k8s.io', 'storageclasses'),
    rule(READ, '', 'nodes'),
    rule('create patch update', EVENTS, 'events'),
  ]),
];

/** What metrics-server's manifests bring. */
const metricsReader = clusterRole('system:aggregated-metrics-reader', [rule(READ, 'metrics.k8s.io', 'pods nodes')]);

/** What admin, edit and view gather. */
export const ownRoleTable: readonly ClusterRole[] = [
  aggregatedTo('admin', aggregatedTo('edit', aggregatedTo('view', metricsReader))),
  aggregatedTo(
    'edit',
    clusterRole('system:aggregate-rollouts-to-edit', [
      rule(WRITE, ROLLOUTS, 'rollouts'),
      rule('patch update', ROLLOUTS, 'rollouts/scale'),
    ]),
  ),
  aggregatedTo(
    'view',
    clusterRole('system:aggregate-rollouts-to-view', [
      rule(READ, ROLLOUTS, 'rollouts'),
      rule('get', ROLLOUTS, 'rollouts/scale rollouts/status'),
    ]),
  ),
];
