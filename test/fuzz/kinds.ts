/** Every kind that is fuzzed, as the fuzzer sees it: where it is, what can be done with it, a valid object, more. */
import { apiVersionOf } from '../../api/machinery/resource.ts';
import { resources } from '../../api/resources.ts';
import { arbitraryObject } from '../../api/schema/arbitrary-object.ts';
import { loadSchemaTable } from '../../api/schema/table.ts';
import { sampleOf } from '../every-kind/samples.ts';
import type { Choices } from '../choices.ts';
import { CUSTOM_GROUP, customKinds } from './custom-kinds.ts';

type Json = Record<string, unknown>;

export interface FuzzKind {
  kind: string;
  plural: string;
  /** `/api/v1`, without a namespace. */
  root: string;
  isNamespaced: boolean;
  isCustom: boolean;
  verbs: readonly string[];
  subresources: readonly string[];
  sample: Json;
  /** Valid in structure. */
  arbitrary(choices: Choices): Json;
}

const OWN_SUBRESOURCES: Readonly<Record<string, readonly string[]>> = {
  pods: ['binding', 'eviction', 'ephemeralcontainers', 'resize', 'log', 'exec', 'attach', 'portforward', 'proxy'],
  serviceaccounts: ['token'],
  namespaces: ['finalize'],
  certificatesigningrequests: ['approval'],
};
const SCALED = ['deployments', 'replicasets', 'statefulsets', 'replicationcontrollers'];

export function fuzzKinds(): FuzzKind[] {
  const table = loadSchemaTable();
  const builtIn = resources.map((resource): FuzzKind => {
    const { names, group, scope, verbs, subresources } = resource;
    const { plural } = names;
    return {
      kind: names.kind,
      plural,
      root: group === '' ? '/api/v1' : `/apis/${apiVersionOf(resource)}`,
      isNamespaced: scope === 'Namespaced',
      isCustom: false,
      // The definitions of the custom kinds stay.
      verbs: plural === 'customresourcedefinitions' ? verbs.filter((verb) => verb !== 'deletecollection') : verbs,
      subresources: [
        ...(subresources.status === undefined ? [] : ['status']),
        ...(SCALED.includes(plural) ? ['scale'] : []),
        ...(OWN_SUBRESOURCES[plural] ?? []),
      ],
      sample: verbs.includes('create') ? (sampleOf(resource).object as unknown as Json) : {},
      arbitrary: (choices) => arbitraryObject({ table, schema: resource.schema, choices: choices.bytes(400) }),
    };
  });
  return [...builtIn, ...customKinds.flatMap(customVersions)];
}

function customVersions({ kind, plural, versions, hasStatus, sample }: (typeof customKinds)[number]): FuzzKind[] {
  return versions.map((version) => ({
    kind,
    plural,
    root: `/apis/${CUSTOM_GROUP}/${version}`,
    isNamespaced: true,
    isCustom: true,
    verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
    subresources: hasStatus ? ['status', 'scale'] : [],
    sample: { ...sample, apiVersion: `${CUSTOM_GROUP}/${version}` },
    arbitrary: () => ({ ...sample, apiVersion: `${CUSTOM_GROUP}/${version}` }),
  }));
}

/** The kind whose collection, object or subresource a path is. */
export function kindAt(kinds: readonly FuzzKind[], path: string): FuzzKind | undefined {
  return kinds.find(({ root, plural }) => {
    if (!path.startsWith(`${root}/`)) return false;
    const parts = path.slice(root.length + 1).split('/');
    return (parts[0] === 'namespaces' && parts.length > 2 && parts[2] === plural) || parts[0] === plural;
  });
}
