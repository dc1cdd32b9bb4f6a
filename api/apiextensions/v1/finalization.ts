/**
 * What a definition says of itself while its objects are deleted (upstream: apiextensions-apiserver
 * `pkg/registry/customresourcedefinition/etcd.go`, `pkg/controller/finalizer/crd_finalizer.go`).
 */
import type { DefinitionCondition } from './conditions.ts';

function terminating(status: 'True' | 'False', reason: string, message: string): DefinitionCondition {
  return { type: 'Terminating', status, reason, message };
}

export const DELETION_PENDING = terminating(
  'True',
  'InstanceDeletionPending',
  'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
);
export const DELETION_IN_PROGRESS = terminating(
  'True',
  'InstanceDeletionInProgress',
  'CustomResource deletion is in progress',
);
export const DELETION_COMPLETED = terminating('False', 'InstanceDeletionCompleted', 'removed all instances');
/** There were no objects to delete: the kind was never served. */
export const NEVER_ESTABLISHED = terminating('False', 'NeverEstablished', 'resource was never established');
/** The objects are those of a built-in kind, and stay. */
export const OVERLAPS_BUILT_IN = terminating(
  'False',
  'OverlappingBuiltInResource',
  'instances overlap with built-in resources in storage',
);

export function listFailed(problem: string): DefinitionCondition {
  return terminating('True', 'InstanceDeletionFailed', `could not list instances: ${problem}`);
}

export function deletionFailed(problem: string): DefinitionCondition {
  return terminating('True', 'InstanceDeletionFailed', `could not issue all deletes: ${problem}`);
}

/** Objects remain, their finalizers most likely. */
export function deletionUnconfirmed(problem: string): DefinitionCondition {
  return terminating('True', 'InstanceDeletionCheck', `could not confirm zero CustomResources remaining: ${problem}`);
}

/** Definitions of kinds that are built in, whose objects deletion must spare. */
export function overlapsBuiltIn(group: string, plural: string): boolean {
  return (
    (group === 'apiregistration.k8s.io' && plural === 'apiservices') ||
    (group === 'apiextensions.k8s.io' && plural === 'customresourcedefinitions')
  );
}
