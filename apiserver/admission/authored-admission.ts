/**
 * Admission that users of the cluster write themselves, in its order: mutating policies and webhooks, then, when the
 * object is as it will be stored, validating policies and webhooks.
 */
import type { Listers } from '../../api/machinery/handler.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import type { SchemaTable } from '../../api/schema/schema.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { AdmissionPlugin } from './admission.ts';
import { RequestMatcher } from './matching/request-matcher.ts';
import { ObjectChanger } from './object-changer.ts';
import { paramAuthorization } from './policy/param-authorization.ts';
import { PolicyMatcher } from './policy/policy-matcher.ts';
import { policyPlugins } from './policy/policy-plugins.ts';
import { webhookPlugins } from './webhook/webhook-plugins.ts';

export interface AuthoredAdmissionOptions {
  /** Everything that is served now. */
  kinds(): readonly ServedKind[];
  authorize: Authorizer;
  listers: Listers;
  schemas: SchemaTable;
  clock: Clock;
  random: Random;
  log: Logger;
}

export function authoredAdmission({ kinds, schemas, ...options }: AuthoredAdmissionOptions): AdmissionPlugin[] {
  const namespaces = options.listers({ group: '', plural: 'namespaces' });
  const matcher = new RequestMatcher({ namespaces, equivalents: (resource) => equivalents(kinds(), resource) });
  const changer = new ObjectChanger(schemas);
  const webhooks = webhookPlugins({ ...options, matcher, changer });
  const { authorize, listers } = options;
  const policyMatcher = new PolicyMatcher({ matcher, namespaces, authorize, kinds });
  const policies = policyPlugins({ listers, matcher: policyMatcher, changer, schemas });
  const params = paramAuthorization({ listers, authorize, kinds });
  return [policies.mutating, webhooks.mutating, policies.validating, webhooks.validating, params];
}

/** Those whose objects are the same stored ones. */
function equivalents(kinds: readonly ServedKind[], { storagePrefix, group, version }: Resource): Resource[] {
  return kinds
    .map(({ resource }) => resource)
    .filter((one) => one.storagePrefix === storagePrefix && (one.group !== group || one.version !== version));
}
