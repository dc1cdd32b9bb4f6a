/** The cluster as its storage has it, with what invariants ask of it. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { StoredChange } from './history.ts';

export class ClusterState {
  readonly #kinds = new Map<string, Map<string, ApiObject>>();
  readonly #byUid = new Map<string, ApiObject>();
  /** By uid of the controller. */
  readonly #owned = new Map<string, Map<string, ApiObject>>();

  apply({ kind, name, object, previous }: StoredChange): void {
    let objects = this.#kinds.get(kind);
    if (objects === undefined) this.#kinds.set(kind, (objects = new Map()));
    if (previous !== undefined) {
      this.#byUid.delete(previous.metadata.uid ?? '');
      this.#owned.get(controllerUid(previous) ?? '')?.delete(previous.metadata.uid!);
    }
    if (object === undefined) {
      objects.delete(name);
      return;
    }
    objects.set(name, object);
    this.#byUid.set(object.metadata.uid ?? '', object);
    const controller = controllerUid(object);
    if (controller === undefined) return;
    const siblings = this.#owned.get(controller);
    if (siblings === undefined) this.#owned.set(controller, new Map([[object.metadata.uid!, object]]));
    else siblings.set(object.metadata.uid!, object);
  }

  all<T extends ApiObject>(kind: string): T[] {
    return [...(this.#kinds.get(kind)?.values() ?? [])] as T[];
  }

  kinds(): string[] {
    return [...this.#kinds.keys()];
  }

  get<T extends ApiObject>(kind: string, name: string): T | undefined {
    return this.#kinds.get(kind)?.get(name) as T | undefined;
  }

  byUid<T extends ApiObject>(uid: string): T | undefined {
    return this.#byUid.get(uid) as T | undefined;
  }

  /** Those whose controller is the object with this uid. */
  ownedBy<T extends ApiObject>(uid: string, kind: string): T[] {
    return [...(this.#owned.get(uid)?.values() ?? [])].filter((object) => object.kind === kind) as T[];
  }
}

export function controllerUid({ metadata }: ApiObject): string | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
}

export function isActive({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

export function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}
