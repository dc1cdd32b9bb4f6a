/**
 * The types of what expressions of webhooks and policies read and make (apiserver `pkg/admission/plugin/cel/compile.go`
 * BuildRequestType, BuildNamespaceType; `pkg/cel/mutation`).
 */
import type { CelType, ObjectField, ObjectType } from '../../cel/types.ts';
import { BOOL, DYN, INT, listOf, mapOf, objectOf, STRING, TIMESTAMP } from '../../cel/types.ts';

const STRINGS = listOf(STRING);

const kind = objectOf('kubernetes.GroupVersionKind', { group: STRING, version: STRING, kind: STRING });
const resource = objectOf('kubernetes.GroupVersionResource', { group: STRING, version: STRING, resource: STRING });
const userInfo = objectOf('kubernetes.UserInfo', {
  username: STRING,
  uid: STRING,
  groups: STRINGS,
  extra: mapOf(STRING, STRINGS),
});

export const REQUEST_TYPE: CelType = objectOf('kubernetes.AdmissionRequest', {
  kind,
  resource,
  subResource: STRING,
  requestKind: kind,
  requestResource: resource,
  requestSubResource: STRING,
  name: STRING,
  namespace: STRING,
  operation: STRING,
  userInfo,
  dryRun: BOOL,
  options: DYN,
});

export const NAMESPACE_TYPE: CelType = objectOf('kubernetes.Namespace', {
  metadata: objectOf('kubernetes.NamespaceMetadata', {
    name: STRING,
    generateName: STRING,
    namespace: STRING,
    labels: mapOf(STRING, STRING),
    annotations: mapOf(STRING, STRING),
    UID: STRING,
    creationTimestamp: TIMESTAMP,
    deletionGracePeriodSeconds: INT,
    deletionTimestamp: TIMESTAMP,
    generation: INT,
    resourceVersion: STRING,
    finalizers: STRINGS,
  }),
  spec: objectOf('kubernetes.NamespaceSpec', { finalizers: STRINGS }),
  status: objectOf('kubernetes.NamespaceStatus', { phase: STRING }),
});

/** One operation of a JSON patch. */
export const JSON_PATCH_TYPE: ObjectType = objectOf('JSONPatch', {
  op: STRING,
  path: STRING,
  from: STRING,
  value: DYN,
});

/** Any field may be set; those that have been are known afterwards. */
class AnyFields extends Map<string, ObjectField> {
  override get(name: string): ObjectField {
    const known = super.get(name);
    if (known !== undefined) return known;
    const field = { type: DYN };
    this.set(name, field);
    return field;
  }
}

/** The types `Object`, `Object.spec`, … that an expression names: each takes any field. */
export function objectTypesIn(text: string): ObjectType[] {
  const names = new Set(text.match(/\bObject(?:\s*\.\s*[A-Za-z_]\w*)*(?=\s*\{)/g) ?? []);
  const clean = new Set([...names].map((name) => name.replaceAll(/\s/g, '')));
  return ['Object', ...clean].filter((name, i, all) => all.indexOf(name) === i).map(anyObject);
}

function anyObject(name: string): ObjectType {
  return { kind: 'object', name, fields: new AnyFields() };
}
