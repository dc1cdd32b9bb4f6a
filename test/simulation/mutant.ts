/** Where a bug can be planted. */
import type { Client } from '../../client/client.ts';
import type { Controller } from '../../client/controller.ts';

export interface Mutant {
  name: string;
  /** Whose users it shows with. */
  workloads: readonly string[];
  /** The first seed that shows it, where that is a late one: those before are not tried. */
  fromSeed?: number;
  /** Another controller in the place of this one. */
  controller?(controller: Controller): Controller;
  /** What the component of this name (`scheduler`, a controller's) talks through. */
  client?(name: string, client: Client): Client;
  /** Changes something for the length of a run; returns what undoes it. */
  plant?(): () => void;
}
