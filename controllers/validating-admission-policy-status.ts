/** ValidatingAdmissionPolicyStatus: says where expressions do not fit the kinds that a policy names (upstream `pkg/controller/validatingadmissionpolicystatus`). */
import { typeWarnings } from '../api/admissionregistration/v1/type-checking.ts';
import type { ValidatingAdmissionPolicy } from '../api/admissionregistration/v1/validating-admission-policy.ts';
import { validatingAdmissionPolicies } from '../api/admissionregistration/v1/validating-admission-policy.ts';
import type { Resource } from '../api/machinery/resource.ts';
import type { SchemaTable } from '../api/schema/schema.ts';
import { loadSchemaTable } from '../api/schema/table.ts';
import type { Controller } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';

/** Checks against the built-in kinds. */
export function validatingAdmissionPolicyStatus(resources: readonly Resource[]): Controller {
  // Few clusters have policies.
  let schemas: SchemaTable | undefined;
  return defineController<ValidatingAdmissionPolicy>({
    name: 'validatingadmissionpolicy-status-controller',
    for: validatingAdmissionPolicies,
    writes: [validatingAdmissionPolicies],
    async reconcile({ name }, { lister, client }) {
      const policy = lister<ValidatingAdmissionPolicy>(validatingAdmissionPolicies).get('', name);
      if (policy === undefined) return undefined;
      const { generation = 0 } = policy.metadata;
      if ((policy.status?.observedGeneration ?? 0) >= generation) return undefined;
      schemas ??= loadSchemaTable();
      const expressionWarnings = typeWarnings(policy.spec, { resources, schemas });
      const typeChecking = expressionWarnings.length === 0 ? {} : { expressionWarnings };
      const status = { ...policy.status, observedGeneration: generation, typeChecking };
      await client.update(validatingAdmissionPolicies, { ...policy, status }, { subresource: 'status' });
      return undefined;
    },
  });
}
