/**
 * Writes what a server decides of a definition: its names, whether it is established, and how a group of Kubernetes'
 * own was approved (apiextensions-apiserver `pkg/controller/{status,establish,apiapproval}`).
 */
import { approvalCondition } from '../../api/apiextensions/v1/approval.ts';
import { findCondition, isSameCondition, setCondition } from '../../api/apiextensions/v1/conditions.ts';
import { establish, updateNames } from '../../api/apiextensions/v1/names.ts';
import type { CustomResourceDefinition } from '../../api/apiextensions/v1/types.ts';
import { isConflict, isNotFound } from '../../api/machinery/errors.ts';
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Clock } from '../../base/clock.ts';
import { formatTime } from '../../base/clock.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { Store, WriteContext } from '../registry/store.ts';

const API_SERVER: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };

export interface DefinitionWriting {
  definitions: ServedKind;
  store: Store;
  clock: Clock;
}

/** As whom the server writes to definitions, and deletes their objects. */
export function serverContext(): WriteContext {
  return { user: API_SERVER, dryRun: false, fieldManager: 'kube-apiserver', warn: () => undefined };
}

export class DefinitionStatus {
  readonly #options: DefinitionWriting;

  constructor(options: DefinitionWriting) {
    this.#options = options;
  }

  /** True when it wrote something, or somebody else did. */
  async update(definition: CustomResourceDefinition, all: readonly CustomResourceDefinition[]): Promise<boolean> {
    const time = formatTime(this.#options.clock.now());
    const others = all.filter(({ metadata }) => metadata.name !== definition.metadata.name);
    const next = structuredClone(definition);
    const changes = [updateNames(next, others, time), establish(next, time), updateApproval(next, time)];
    if (!changes.includes(true)) return false;
    await writeStatus(this.#options, next);
    return true;
  }
}

function updateApproval(definition: CustomResourceDefinition, time: string): boolean {
  const wanted = approvalCondition(definition);
  if (wanted === undefined || isSameCondition(wanted, findCondition(definition, wanted.type))) return false;
  setCondition(definition, wanted, time);
  return true;
}

/** Whoever was faster is seen in the next round. */
export async function writeStatus(
  { definitions, store }: DefinitionWriting,
  next: CustomResourceDefinition,
): Promise<void> {
  try {
    await store.update({
      kind: definitions,
      key: { namespace: '', name: next.metadata.name! },
      subresource: 'status',
      transform: () => next as unknown as ApiObject,
      context: serverContext(),
    });
  } catch (error) {
    if (!isConflict(error) && !isNotFound(error)) throw error;
  }
}
