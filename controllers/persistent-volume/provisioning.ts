/**
 * Asks for a volume to be made for a claim (`pv_controller.go provisionClaim`). Making it is the provisioner's
 * business, which waits for its name on the claim; there is none in the controller itself.
 */
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../../api/core/v1/persistent-volume-claim.ts';
import { storageClassOf } from '../../api/core/v1/volume/access-modes.ts';
import { BETA_STORAGE_PROVISIONER, STORAGE_PROVISIONER, withAnnotations } from '../../api/core/v1/volume/binding.ts';
import type { StorageClass } from '../../api/storage/v1/storage-class.ts';
import { storageClasses } from '../../api/storage/v1/storage-class.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { recordOnClaim } from './events.ts';

/** Provisioners with this prefix would have to be part of the controller. */
const IN_TREE_PREFIX = 'kubernetes.io/';

export async function requestProvisioning(claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const { lister, client, events } = context;
  const className = storageClassOf(claim);
  const provisioner = lister<StorageClass>(storageClasses).get('', className)?.provisioner;
  const problem = problemOf(className, provisioner);
  if (problem !== undefined || provisioner === undefined) {
    recordOnClaim(events, claim, { type: 'Warning', reason: 'ProvisioningFailed', message: problem ?? '' });
    return;
  }
  const marks = { [BETA_STORAGE_PROVISIONER]: provisioner, [STORAGE_PROVISIONER]: provisioner };
  const marked = withAnnotations(claim, marks);
  if (marked !== claim) await client.update<PersistentVolumeClaim>(persistentVolumeClaims, marked);
  const message =
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the ` +
    'system administrator. If volume creation is delayed, please verify that the provisioner is running and ' +
    'correctly registered.';
  recordOnClaim(events, claim, { type: 'Normal', reason: 'ExternalProvisioning', message });
}

function problemOf(className: string, provisioner: string | undefined): string | undefined {
  if (provisioner === undefined) return `storageclass.storage.k8s.io ${JSON.stringify(className)} not found`;
  return provisioner.startsWith(IN_TREE_PREFIX) ? `no volume plugin matched name: ${provisioner}` : undefined;
}
