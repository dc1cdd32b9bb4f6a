/** Where a bug can be planted. */
import type { Client } from '../../client/client.ts';
import type { Controller } from '../../client/controller.ts';

export interface Mutant {
  name: string;
  /** Whose users it shows with. */
  workloads: readonly string[];
  /** Another controller in the place of this one. */
  controller?(controller: Controller): Controller;
  /** What the component of this name (`scheduler`, a controller's) talks through. */
  client?(name: string, client: Client): Client;
  /** Changes something for the length of a run; returns what undoes it. */
  plant?(): () => void;
}
