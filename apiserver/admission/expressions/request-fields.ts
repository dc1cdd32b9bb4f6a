/** A request without its objects, as webhooks are told of it and expressions read it (`admission.k8s.io/v1` AdmissionRequest). */
import type { UserInfo } from '../../../api/machinery/handler.ts';
import type { AdmissionAttributes } from '../admission.ts';
import type { MatchedResource } from '../matching/request-matcher.ts';
import { ruleTarget } from '../matching/rules.ts';

export function requestFields(attributes: AdmissionAttributes, matched: MatchedResource): Record<string, unknown> {
  const { operation, resource, subresource, name, user, dryRun } = attributes;
  const { namespace } = ruleTarget(attributes);
  return {
    kind: kindOf(attributes, matched.resource),
    resource: resourceOf(matched.resource),
    requestKind: kindOf(attributes, resource),
    requestResource: resourceOf(resource),
    ...(subresource === '' ? {} : { subResource: subresource, requestSubResource: subresource }),
    ...(name === '' ? {} : { name }),
    ...(namespace === '' ? {} : { namespace }),
    operation,
    userInfo: userInfo(user),
    dryRun,
    options: attributes.options?.() ?? null,
  };
}

function kindOf(
  { form }: AdmissionAttributes,
  { group, version, names }: MatchedResource['resource'],
): { group: string; version: string; kind: string } {
  if (form === undefined) return { group, version, kind: names.kind };
  const slash = form.apiVersion.indexOf('/');
  return {
    group: form.apiVersion.slice(0, Math.max(slash, 0)),
    version: form.apiVersion.slice(slash + 1),
    kind: form.kind,
  };
}

function resourceOf({ group, version, names }: MatchedResource['resource']): Record<string, string> {
  return { group, version, resource: names.plural };
}

function userInfo({ name, uid, groups, extra }: UserInfo): Record<string, unknown> {
  return {
    username: name,
    ...(uid ? { uid } : {}),
    ...(groups.length > 0 ? { groups } : {}),
    ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
  };
}
