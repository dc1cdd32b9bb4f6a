/** The two admission plugins that evaluate policies, put together over the listers of the cluster. */
import { ADMISSION_GROUP } from '../../../api/admissionregistration/v1/group.ts';
import type { MutatingAdmissionPolicyBinding } from '../../../api/admissionregistration/v1/mutating-admission-policy-binding.ts';
import type { MutatingAdmissionPolicy } from '../../../api/admissionregistration/v1/mutating-admission-policy.ts';
import type { ValidatingAdmissionPolicyBinding } from '../../../api/admissionregistration/v1/validating-admission-policy-binding.ts';
import type { ValidatingAdmissionPolicy } from '../../../api/admissionregistration/v1/validating-admission-policy.ts';
import type { Listers } from '../../../api/machinery/handler.ts';
import type { SchemaTable } from '../../../api/schema/schema.ts';
import type { AdmissionPlugin } from '../admission.ts';
import type { ObjectChanger } from '../object-changer.ts';
import { mutatingPolicies } from './mutating-policies.ts';
import { mutationProgram } from './mutation-program.ts';
import { PolicyList } from './policy-list.ts';
import type { PolicyMatcher } from './policy-matcher.ts';
import { validatingPolicies } from './validating-policies.ts';
import { validationProgram } from './validation-program.ts';

export interface PolicyPluginOptions {
  listers: Listers;
  matcher: PolicyMatcher;
  changer: ObjectChanger;
  schemas: SchemaTable;
}

export function policyPlugins({ listers, matcher, changer, schemas }: PolicyPluginOptions): {
  mutating: AdmissionPlugin;
  validating: AdmissionPlugin;
} {
  const of = (plural: string): { group: string; plural: string } => ({ group: ADMISSION_GROUP, plural });
  const validating = new PolicyList({
    policies: listers<ValidatingAdmissionPolicy>(of('validatingadmissionpolicies')),
    bindings: listers<ValidatingAdmissionPolicyBinding>(of('validatingadmissionpolicybindings')),
    compile: validationProgram,
  });
  const mutating = new PolicyList({
    policies: listers<MutatingAdmissionPolicy>(of('mutatingadmissionpolicies')),
    bindings: listers<MutatingAdmissionPolicyBinding>(of('mutatingadmissionpolicybindings')),
    compile: (policy: MutatingAdmissionPolicy, program) => mutationProgram(policy, program, schemas),
  });
  return {
    mutating: mutatingPolicies(mutating, matcher, changer),
    validating: validatingPolicies(validating, matcher),
  };
}
