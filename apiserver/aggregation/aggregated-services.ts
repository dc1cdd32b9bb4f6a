/** The APIServices that name a Service: whose versions of which groups other servers serve. */
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import type { Lister } from '../../api/machinery/handler.ts';

export interface GroupVersionPath {
  group: string;
  version: string;
}

/** `/apis/GROUP/VERSION` and below. Undefined for what is no such path, or is not correctly percent-encoded. */
export function groupVersionIn(path: string): GroupVersionPath | undefined {
  const match = /^\/*apis\/([^/]+)\/([^/]+)(\/|$)/.exec(path);
  if (match === null) return undefined;
  try {
    return { group: decodeURIComponent(match[1]!), version: decodeURIComponent(match[2]!) };
  } catch {
    return undefined;
  }
}

export class AggregatedServices {
  readonly #lister: Lister<ApiService>;
  #seen: number | undefined;
  #all: readonly ApiService[] = [];

  constructor(lister: Lister<ApiService>) {
    this.#lister = lister;
  }

  /** Changes whenever an APIService does. */
  get generation(): number {
    return this.#lister.generation ?? 0;
  }

  /** Who serves a version, when that is not this server. */
  find({ group, version }: GroupVersionPath): ApiService | undefined {
    const found = this.#lister.get('', `${version}.${group}`);
    return found?.spec?.service ? found : undefined;
  }

  /** All that name a Service. The same list until something changes. */
  all(): readonly ApiService[] {
    const generation = this.#lister.generation;
    if (generation === undefined || generation !== this.#seen) {
      this.#seen = generation;
      this.#all = this.#lister.list().filter(({ spec }) => Boolean(spec?.service && spec.group));
    }
    return this.#all;
  }
}

/** `IsAPIServiceConditionTrue(apiService, Available)` */
export function isAvailable({ status }: ApiService): boolean {
  return (status?.conditions ?? []).some((condition) => condition.type === 'Available' && condition.status === 'True');
}
