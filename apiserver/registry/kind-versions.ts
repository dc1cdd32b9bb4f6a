/**
 * The versions of a kind for managedFields: kinds that are stored together show the same objects, each in its own form
 * (apimachinery `util/managedfields/internal/versionconverter.go`).
 */
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { KindVersions } from '../../api/managed-fields/versions.ts';
import type { ConvertedView, ObjectView } from '../../api/machinery/resource.ts';
import { cloneJson } from '../../api/patch/json-value.ts';
import type { ServedKind } from './served-kind.ts';

/** Makes those of `kinds` that are stored together versions of one another; mutates them. */
export function linkVersions(kinds: readonly ServedKind[]): void {
  const together = new Map<string, ServedKind[]>();
  for (const kind of kinds) {
    const { storagePrefix } = kind.resource;
    together.set(storagePrefix, [...(together.get(storagePrefix) ?? []), kind]);
  }
  for (const group of together.values()) {
    const versions = new StoredTogether(group);
    for (const kind of group) kind.versions = versions;
  }
}

class StoredTogether implements KindVersions {
  readonly #kinds: ReadonlyMap<string, ServedKind>;

  constructor(kinds: readonly ServedKind[]) {
    this.#kinds = new Map(kinds.map((kind) => [kind.apiVersion, kind]));
  }

  schemaOf(apiVersion: string): string | undefined {
    return this.#kinds.get(apiVersion)?.resource.schema;
  }

  convert(object: ApiObject, apiVersion: string): ApiObject | Promise<ApiObject> {
    const target = this.#kinds.get(apiVersion)?.resource.view;
    if (target?.converted !== undefined) return converted(object, target, target.converted);
    const from = this.#kinds.get(object.apiVersion ?? '')?.resource.view;
    const stored = from === undefined ? object : from.toStored(object);
    return target === undefined ? { ...stored, apiVersion } : target.fromStored(cloneJson(stored));
  }
}

async function converted(
  object: ApiObject,
  { fromStored }: ObjectView<ApiObject>,
  { convert, apiVersion }: ConvertedView,
): Promise<ApiObject> {
  const [other] = await convert([object], apiVersion);
  return fromStored(other === object ? cloneJson(object) : other!);
}
