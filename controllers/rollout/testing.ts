/** For tests: a Rollout whose decisions are carried out on sets whose pods come up at once, or never. */
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import type { Job } from '../../api/batch/v1/job.ts';
import { replicasOf } from '../deployment/bounds.ts';
import type { CheckResult } from './checks.ts';
import { decide } from './decide.ts';
import type { BlueGreenStrategy, CanaryStrategy, Check, Rollout, RolloutSpec, RolloutStatus } from './types.ts';
import { HASH_LABEL, REVISION, SCALE_DOWN_AT } from './types.ts';

const START_MS = Date.parse('2026-01-02T03:04:05Z');

export const blueGreen = (changes: Partial<BlueGreenStrategy> = {}): RolloutSpec['strategy'] => ({
  blueGreen: {
    activeService: 'active',
    previewService: 'preview',
    autoPromotionEnabled: true,
    scaleDownDelaySeconds: 30,
    abortScaleDownDelaySeconds: 30,
    ...changes,
  },
});

export const canary = (changes: Partial<CanaryStrategy> = {}): RolloutSpec['strategy'] => ({
  canary: { maxSurge: 1, maxUnavailable: 0, ...changes },
});

export const check = (name: string, changes: Partial<Check> = {}): Check => ({
  name,
  initialDelaySeconds: 0,
  intervalSeconds: 1,
  count: 1,
  failureLimit: 0,
  timeoutSeconds: 5,
  http: { url: 'http://preview/' },
  ...changes,
});

export class RolloutModel {
  readonly rollout: Rollout;
  readonly selectors = new Map<string, string | undefined>();
  readonly events: string[] = [];
  /** Every version that each Service has led to, in order. */
  readonly served: Record<string, string[]> = {};
  /** What tries of checks give. */
  readonly answers = new Map<string, boolean>();
  /** Versions whose pods never become available. */
  readonly broken = new Set<string>();
  jobs: Job[] = [];
  nowMs = START_MS;
  #sets: ReplicaSet[] = [];
  #results: CheckResult[] = [];
  #present = '';

  constructor(strategy: RolloutSpec['strategy'], spec: Partial<RolloutSpec> = {}) {
    this.rollout = {
      metadata: { name: 'web', namespace: 'default', uid: 'web', generation: 1, annotations: {} },
      spec: {
        replicas: 3,
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [] } },
        minReadySeconds: 0,
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 60,
        rollbackOnFailure: true,
        strategy,
        ...spec,
      },
    };
    const { blueGreen: blue, canary: yellow } = strategy;
    for (const name of [blue?.activeService, blue?.previewService, yellow?.stableService, yellow?.canaryService])
      if (name !== undefined) this.selectors.set(name, undefined);
  }

  get status(): RolloutStatus {
    return this.rollout.status ?? {};
  }

  /** `v1=3 v2=0`, in the order of their making. */
  get sizes(): string {
    return this.#sets.map((set) => `${hash(set)}=${replicasOf(set)}`).join(' ');
  }

  size(version: string): number {
    const set = this.#sets.find((one) => hash(one) === version);
    return set === undefined ? 0 : replicasOf(set);
  }

  /** Makes `version` the present template. */
  roll(version: string): this {
    const revision = this.#sets.length === 0 ? 1 : Math.max(...this.#sets.map(revisionOf)) + 1;
    const found = this.#sets.find((set) => hash(set) === version);
    this.#present = version;
    if (found !== undefined) {
      const annotations = { ...found.metadata.annotations, [REVISION]: String(revision) };
      this.#replace({ ...found, metadata: { ...found.metadata, annotations } });
      return this;
    }
    this.#sets.push({
      metadata: {
        name: `web-${version}`,
        namespace: 'default',
        uid: version,
        creationTimestamp: new Date(this.nowMs + this.#sets.length).toISOString(),
        labels: { [HASH_LABEL]: version },
        annotations: { [REVISION]: String(revision) },
      },
      spec: { replicas: 0, selector: {}, template: this.rollout.spec.template },
      status: { replicas: 0 },
    } as ReplicaSet);
    return this;
  }

  annotate(name: string, value: string | undefined): this {
    const { [name]: _, ...others } = this.rollout.metadata.annotations!;
    this.rollout.metadata.annotations = value === undefined ? others : { ...others, [name]: value };
    return this;
  }

  /** Decides and acts until nothing changes any more at this time. */
  settle(afterEach: () => void = () => undefined): this {
    for (let turn = 0; turn < 200; turn++) {
      const before = this.#seen();
      const hadResults = this.#results.length > 0;
      this.turn();
      this.startPods();
      afterEach();
      if (before === this.#seen() && !hadResults && this.#results.length === 0) return this;
    }
    throw new Error(`it never settles: ${this.sizes} ${JSON.stringify(this.status)}`);
  }

  /** Lets time pass, second by second. */
  pass(seconds: number, afterEach?: () => void): this {
    for (let second = 0; second < seconds; second++) {
      this.nowMs += 1000;
      this.settle(afterEach);
    }
    return this;
  }

  /** One decision, carried out; the pods do not follow yet. */
  turn(): void {
    const newSet = this.#sets.find((set) => hash(set) === this.#present)!;
    const { rollout, selectors, jobs, nowMs } = this;
    const { plan, status } = decide({ rollout, newSet, sets: this.#sets, selectors, jobs, nowMs }, this.#results);
    this.#results = plan.due.map(({ check: { name }, when }) => ({
      name,
      when,
      ok: this.answers.get(name) ?? true,
      message: 'answered',
    }));
    for (const { name } of plan.jobs)
      this.jobs.push({ metadata: { name, creationTimestamp: new Date(nowMs).toISOString() } } as Job);
    for (const [service, version] of plan.switches) {
      this.selectors.set(service, version);
      (this.served[service] ??= []).push(version);
    }
    for (const { set, replicas, scaleDownAt } of plan.sets.values()) {
      const { [SCALE_DOWN_AT]: _, ...others } = set.metadata.annotations ?? {};
      const annotations = scaleDownAt === undefined ? others : { ...others, [SCALE_DOWN_AT]: scaleDownAt };
      this.#replace({ ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec, replicas } });
    }
    this.rollout.status = status;
    this.events.push(...plan.events.map(({ reason }) => reason));
  }

  /** Pods of good versions become available; at most `limit` of each set. */
  startPods(limit = Infinity): void {
    for (const set of this.#sets) {
      const replicas = replicasOf(set);
      const before = set.status?.availableReplicas ?? 0;
      const available = this.broken.has(hash(set)) ? 0 : Math.min(replicas, before + limit);
      this.#replace({ ...set, status: { replicas, availableReplicas: available, readyReplicas: available } });
    }
  }

  /** Of all versions. */
  get available(): number {
    return this.#sets.reduce((sum, { status }) => sum + (status?.availableReplicas ?? 0), 0);
  }

  get total(): number {
    return this.#sets.reduce((sum, set) => sum + replicasOf(set), 0);
  }

  availableOf(version: string | undefined): number {
    return this.#sets.find((set) => hash(set) === version)?.status?.availableReplicas ?? 0;
  }

  #seen(): string {
    return JSON.stringify([this.rollout.status, this.#sets, [...this.selectors]]);
  }

  #replace(set: ReplicaSet): void {
    this.#sets = this.#sets.map((one) => (one.metadata.uid === set.metadata.uid ? set : one));
  }
}

function hash({ metadata }: ReplicaSet): string {
  return metadata.labels![HASH_LABEL]!;
}

function revisionOf({ metadata }: ReplicaSet): number {
  return Number(metadata.annotations![REVISION]);
}
