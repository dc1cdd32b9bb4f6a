/** Keeps one watch on every kind that a definition adds, for as long as it is served. */
import type { Subscription } from 'rxjs';
import type { CustomKind } from '../../api/apiextensions/v1/custom-kinds.ts';
import { customKindsOf } from '../../api/apiextensions/v1/custom-kinds.ts';
import { customResourceDefinitions } from '../../api/apiextensions/v1/custom-resource-definition.ts';
import type { CustomResourceDefinition } from '../../api/apiextensions/v1/types.ts';
import type { InformerFactory } from '../../client/informer-factory.ts';

interface Options {
  informers: InformerFactory;
  watch(kind: CustomKind): Subscription;
}

interface Watched {
  kinds: CustomKind[];
  subscription: Subscription;
}

export class WatchedCustomKinds {
  readonly #options: Options;
  readonly #watched = new Map<string, Watched>();
  readonly #definitions: Subscription;

  constructor(options: Options) {
    this.#options = options;
    const definitions = options.informers.informer<CustomResourceDefinition>(customResourceDefinitions);
    this.#definitions = definitions.changes.subscribe(({ type, object }) =>
      this.#follow(object, type === 'delete' ? [] : customKindsOf(object)),
    );
  }

  /** Every version, since references to owners may name any. */
  all(): CustomKind[] {
    return [...this.#watched.values()].flatMap(({ kinds }) => kinds);
  }

  unsubscribe(): void {
    this.#definitions.unsubscribe();
    for (const { subscription } of this.#watched.values()) subscription.unsubscribe();
  }

  #follow({ metadata }: CustomResourceDefinition, kinds: CustomKind[]): void {
    const name = metadata.name!;
    const known = this.#watched.get(name);
    const [first] = kinds;
    if (known !== undefined && known.kinds[0]!.version === first?.version) {
      known.kinds = kinds;
      return;
    }
    if (known !== undefined) {
      known.subscription.unsubscribe();
      this.#options.informers.remove(known.kinds[0]!);
      this.#watched.delete(name);
    }
    if (first !== undefined) this.#watched.set(name, { kinds, subscription: this.#options.watch(first) });
  }
}
