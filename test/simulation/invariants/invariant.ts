/** What must hold, checked on what is stored and on what really runs, never on what a controller believes. */
import type { Cluster } from '../cluster.ts';
import type { StoredChange } from '../history.ts';
import type { Plan } from '../plan.ts';

export interface Violation {
  atMs: number;
  what: string;
}

export interface Check {
  /** The state holds the change already, and none that came after it. */
  onChange?(change: StoredChange): void;
  /** Whenever all is quiet. */
  onStep?(): void;
  /** Whenever all is quiet, and what runs on some node is not what it was. */
  onMachines?(): void;
  /** At the end, when nothing has befallen the cluster for long. */
  atRest?(): void;
}

export interface CheckContext {
  cluster: Cluster;
  plan: Plan;
  violated(what: string): void;
}

export type Invariant = (context: CheckContext) => Check;
