/**
 * What one node used by one moment, and how that is read from the text of a kubelet's `/metrics/resource`
 * (upstream: metrics-server `pkg/scraper/client/resource/decode.go`).
 */
export interface Sample {
  /** Processor time used since the start. */
  cpuNs: number;
  memoryBytes: number;
  timestampMs: number;
}

export interface ContainerSample extends Sample {
  /** NaN: not told. */
  startedAtMs: number;
}

export interface NodeSample {
  node: Sample | undefined;
  /** By `namespace/name`, then by container. */
  pods: ReadonlyMap<string, ReadonlyMap<string, ContainerSample>>;
}

const LINE = /^([a-z_]+)(?:\{([^}]*)\})? (\S+)(?: (\d+))?$/;
const LABEL = /([a-z_]+)="((?:[^"\\]|\\.)*)"/g;

interface Draft {
  cpuNs?: number;
  memoryBytes?: number;
  timestampMs?: number;
  startedAtMs?: number;
}

/** Lines that say nothing of processors and memory are skipped; a container of which half is told is left out. */
export function parseSample(text: string): NodeSample {
  const node: Draft = {};
  const pods = new Map<string, Map<string, Draft>>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name = '', labelText = '', valueText = '', timeText = ''] = LINE.exec(line) ?? [];
    const value = Number(valueText);
    if (name === '' || !Number.isFinite(value)) continue;
    const measured = { value, timestampMs: Number(timeText) };
    if (name.startsWith('node_')) take(node, name.slice('node_'.length), measured);
    else if (name.startsWith('container_')) {
      const draft = containerOf(pods, labelText);
      if (draft !== undefined) take(draft, name.slice('container_'.length), measured);
    }
  }
  return { node: complete(node), pods: completePods(pods) };
}

function containerOf(pods: Map<string, Map<string, Draft>>, labelText: string): Draft | undefined {
  const labels = new Map([...labelText.matchAll(LABEL)].map(([, name, value]) => [name!, value!]));
  const [container, namespace, pod] = ['container', 'namespace', 'pod'].map((name) => labels.get(name));
  if (container === undefined || namespace === undefined || pod === undefined) return undefined;
  const key = `${namespace}/${pod}`;
  const containers = pods.get(key) ?? new Map<string, Draft>();
  pods.set(key, containers);
  const draft = containers.get(container) ?? {};
  containers.set(container, draft);
  return draft;
}

function take(draft: Draft, name: string, { value, timestampMs }: { value: number; timestampMs: number }): void {
  if (name === 'cpu_usage_seconds_total') {
    draft.cpuNs = Math.round(value * 1e9);
    draft.timestampMs = timestampMs;
  } else if (name === 'memory_working_set_bytes') draft.memoryBytes = value;
  else if (name === 'start_time_seconds') draft.startedAtMs = value * 1000;
}

function complete({ cpuNs, memoryBytes, timestampMs }: Draft): Sample | undefined {
  if (cpuNs === undefined || memoryBytes === undefined || !timestampMs) return undefined;
  return { cpuNs, memoryBytes, timestampMs };
}

/** A pod is told of whole or not at all: half of it would look like a pod that needs little. */
function completePods(drafts: ReadonlyMap<string, ReadonlyMap<string, Draft>>): NodeSample['pods'] {
  const pods = new Map<string, ReadonlyMap<string, ContainerSample>>();
  for (const [key, containers] of drafts) {
    const samples = new Map<string, ContainerSample>();
    for (const [name, draft] of containers) {
      const sample = complete(draft);
      if (sample !== undefined) samples.set(name, { ...sample, startedAtMs: draft.startedAtMs ?? NaN });
    }
    if (samples.size === containers.size) pods.set(key, samples);
  }
  return pods;
}
