/**
 * RuntimeClass: refuses a pod whose class does not exist, rather than run it in another way than it asks for. Until the
 * RuntimeClass kind is served, none exists (upstream `plugin/pkg/admission/runtimeclass/admission.go`).
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { AdmissionPlugin } from './admission.ts';

export const runtimeClassAdmission: AdmissionPlugin = {
  name: 'RuntimeClass',
  mutate({ operation, resource, subresource, object }) {
    if (operation !== 'CREATE' || resource.names.plural !== 'pods' || resource.group !== '' || subresource !== '')
      return;
    const { spec, metadata } = object as Pod;
    const refuse = (cause: string): never => {
      throw errors.forbiddenError({ group: '', resource: 'pods' }, metadata.name ?? '', `pod rejected: ${cause}`);
    };
    // An empty name is for validation to refuse.
    const className = spec?.runtimeClassName ?? '';
    if (className !== '') refuse(`RuntimeClass ${JSON.stringify(className)} not found`);
    if (spec?.overhead != null) refuse('Pod Overhead set without corresponding RuntimeClass defined Overhead');
  },
};
