/** What users do. */
import type { Client } from '../../../client/client.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { ClusterState } from '../state.ts';

export interface Action {
  atMs: number;
  /** For the log, and to tell actions apart. */
  text: string;
  /** Errors of the API are the user's problem. */
  run(context: ActionContext): Promise<unknown>;
}

export interface ActionContext {
  client: Client;
  state: ClusterState;
  /** By the `app` label, in thousandths of a CPU. */
  loads: Map<string, number>;
}

export interface Workload {
  name: string;
  /** All that its users do until `calmMs`; at the end they leave what can come to rest. */
  draw(random: SeededRandom, calmMs: number): Action[];
}
