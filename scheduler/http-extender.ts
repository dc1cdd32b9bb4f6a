/** An extender that is asked over HTTP, a verb for each question (`pkg/scheduler/extender.go`). */
import type { Pod } from '../api/core/v1/pod.ts';
import type { Clock } from '../base/clock.ts';
import { askExtender, ExtenderStatusError } from './extender-connection.ts';
import type { ExtenderTls } from './extender-connection.ts';
import {
  bindingQuestion,
  nodesQuestion,
  preemptionQuestion,
  readBindingAnswer,
  readFilterAnswer,
  readPreemptionAnswer,
  readScores,
} from './extender-messages.ts';
import type { VictimsAnswer } from './extender-messages.ts';
import type { Extender, FilteredNodes } from './extender.ts';
import type { NodeInfo } from './node-info.ts';
import { byImportance } from './plugins/default-preemption-victims.ts';
import type { Candidate } from './plugins/default-preemption-victims.ts';
import type { PodInfo } from './pod-info.ts';
import type { Snapshot } from './snapshot.ts';

/** An extender as a configuration has it; a verb that is `''` is one that it does not have. */
export interface HttpExtenderSettings {
  urlPrefix: string;
  filterVerb: string;
  prioritizeVerb: string;
  preemptVerb: string;
  bindVerb: string;
  weight: number;
  isIgnorable: boolean;
  /** It knows the nodes: names are enough. */
  knowsNodes: boolean;
  /** Only pods that ask for one of these are its business; every pod is when there are none. */
  managedResources: ReadonlySet<string>;
  timeoutMs: number;
  tls: ExtenderTls;
}

export class HttpExtender implements Extender {
  readonly #settings: HttpExtenderSettings;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;

  /** The signal ends questions that are not answered yet. */
  constructor(settings: HttpExtenderSettings, { clock, signal }: { clock: Clock; signal: AbortSignal }) {
    this.#settings = settings;
    this.#clock = clock;
    this.#signal = signal;
  }

  get name(): string {
    return this.#settings.urlPrefix;
  }

  get isIgnorable(): boolean {
    return this.#settings.isIgnorable;
  }

  get canFilter(): boolean {
    return this.#settings.filterVerb !== '';
  }

  get canPrioritize(): boolean {
    return this.#settings.prioritizeVerb !== '';
  }

  get canPreempt(): boolean {
    return this.#settings.preemptVerb !== '';
  }

  get canBind(): boolean {
    return this.#settings.bindVerb !== '';
  }

  get weight(): number {
    return this.#settings.weight;
  }

  isInterested({ spec }: Pod): boolean {
    const { managedResources } = this.#settings;
    if (managedResources.size === 0) return true;
    return [...spec.containers, ...(spec.initContainers ?? [])].some(({ resources }) =>
      [resources?.requests, resources?.limits].some((list) =>
        Object.keys(list ?? {}).some((name) => managedResources.has(name)),
      ),
    );
  }

  async filter(pod: Pod, nodes: readonly NodeInfo[]): Promise<FilteredNodes> {
    const { filterVerb, knowsNodes } = this.#settings;
    const answer = readFilterAnswer(await this.#ask(filterVerb, nodesQuestion(pod, nodes, knowsNodes)));
    const { nodeNames, namesOfNodes = [], failed, unresolvable } = answer;
    const names = knowsNodes ? (nodeNames ?? namesOfNodes) : namesOfNodes;
    const asked = new Map(nodes.map((node) => [node.name, node]));
    return { feasible: [...new Set(names)].map((name) => this.#named(name, asked)), failed, unresolvable };
  }

  async prioritize(pod: Pod, nodes: readonly NodeInfo[]): Promise<ReadonlyMap<string, number>> {
    const { prioritizeVerb, knowsNodes } = this.#settings;
    return readScores(await this.#ask(prioritizeVerb, nodesQuestion(pod, nodes, knowsNodes)));
  }

  async preempt(pod: Pod, candidates: readonly Candidate[], snapshot: Snapshot): Promise<readonly Candidate[]> {
    const { preemptVerb, knowsNodes } = this.#settings;
    const question = preemptionQuestion(pod, candidates, knowsNodes);
    const answer = readPreemptionAnswer(await this.#ask(preemptVerb, question));
    return answer.map((victims) => this.#candidate(victims, snapshot));
  }

  async bind(pod: Pod, nodeName: string): Promise<void> {
    readBindingAnswer(await this.#ask(this.#settings.bindVerb, bindingQuestion(pod, nodeName)));
  }

  async #ask(verb: string, question: object): Promise<unknown> {
    const { urlPrefix, timeoutMs, tls } = this.#settings;
    const url = `${urlPrefix.replace(/\/+$/, '')}/${verb}`;
    try {
      return await askExtender(url, question, { timeoutMs, tls, clock: this.#clock, signal: this.#signal });
    } catch (error) {
      if (!(error instanceof ExtenderStatusError)) throw error;
      throw new Error(`failed ${verb} with extender at URL ${url}, code ${error.statusCode}`, { cause: error });
    }
  }

  #named(name: string, asked: ReadonlyMap<string, NodeInfo>): NodeInfo {
    const node = asked.get(name);
    if (node !== undefined) return node;
    const [extender, claimed] = [JSON.stringify(this.name), JSON.stringify(name)];
    throw new Error(`extender ${extender} claims a filtered node ${claimed} which is not found in the input node list`);
  }

  #candidate({ nodeName, uids, violations }: VictimsAnswer, snapshot: Snapshot): Candidate {
    const node = snapshot.get(nodeName);
    if (node === undefined) throw new Error(`nodeinfo not found for node name ${JSON.stringify(nodeName)}`);
    const present = new Map([...node.pods.values()].map((podInfo) => [podInfo.uid, podInfo]));
    const victims = [...new Set(uids)].map((uid): PodInfo => {
      const podInfo = present.get(uid);
      if (podInfo !== undefined) return podInfo;
      const claim = `extender: ${this.name} claims to preempt pod (UID: ${uid}) on node: ${nodeName}`;
      throw new Error(`${claim}, but the pod is not found on that node`);
    });
    return { nodeName, victims: victims.sort(byImportance), violations };
  }
}
