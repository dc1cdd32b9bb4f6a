/** Since when each node has been well: its kubelet running, in touch with the API server, and its clock left alone. */
import type { Cluster, NodeSeat } from './cluster.ts';
import { FAIR } from './link.ts';

export class NodeHealth {
  readonly #cluster: Cluster;
  readonly #sinceMs = new Map<string, number>();
  readonly #illSinceMs = new Map<string, number>();
  #heardSinceMs: number | undefined;
  readonly #runs = new Map<string, unknown>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** For how long the controllers have been in touch with the API server, in fair weather; -1 if they are not. */
  controllersHearForMs(): number {
    return this.#heardSinceMs === undefined ? -1 : this.#cluster.time.elapsedMs - this.#heardSinceMs;
  }

  /** To be called whenever all is quiet. */
  look(): void {
    const nowMs = this.#cluster.time.elapsedMs;
    const link = this.#cluster.managers.current?.link;
    const hears = link !== undefined && !link.isCut && link.weather === FAIR;
    this.#heardSinceMs = hears ? (this.#heardSinceMs ?? nowMs) : undefined;
    for (const node of this.#cluster.nodes) {
      const { name, current } = node;
      const isWell = current !== undefined && !current.link.isCut && this.#runs.get(name) === current;
      this.#runs.set(name, current);
      if (isWell && !this.#sinceMs.has(name)) this.#sinceMs.set(name, nowMs);
      if (!isWell) this.#sinceMs.delete(name);
      if (current !== undefined && !current.link.isCut) this.#illSinceMs.delete(name);
      else if (!this.#illSinceMs.has(name)) this.#illSinceMs.set(name, nowMs);
    }
  }

  node(name: string): NodeSeat | undefined {
    return this.#cluster.nodes.find((node) => node.name === name);
  }

  /** For how long the node has been well; -1 if it is not. */
  wellForMs(name: string): number {
    const sinceMs = this.#sinceMs.get(name);
    return sinceMs === undefined ? -1 : this.#cluster.time.elapsedMs - sinceMs;
  }

  /** For how long nothing was heard of the node; 0 if it is in touch. */
  silentForMs(name: string): number {
    const sinceMs = this.#illSinceMs.get(name);
    return sinceMs === undefined ? 0 : this.#cluster.time.elapsedMs - sinceMs;
  }
}
