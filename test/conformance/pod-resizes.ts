/** In-place resizes of pods that run: what the API, the status and the kernel say of them. */
import { describe, expect, it } from '@jest/globals';
import type { Json } from './conformance.ts';
import { eventually, IMAGE } from './conformance.ts';
import type { PodCluster } from './pods.ts';
import { hasCondition } from './pods.ts';

const PODS = '/api/v1/namespaces/default/pods';

interface Amounts {
  cpu?: string;
  memory?: string;
}

interface Resources {
  requests?: Amounts;
  limits?: Amounts;
}

const both = (cpu: string, memory: string): Resources => ({ requests: { cpu, memory }, limits: { cpu, memory } });

/** What the kernel allows a container, as it sees it from inside. */
const LIMITS =
  'cd /sys/fs/cgroup; if [ -e cpu.max ]; then cat cpu.max memory.max; else cat cpu/cpu.cfs_quota_us memory/memory.limit_in_bytes; fi';

/** Of a period of 100 ms; -1 without a limit. */
const quotaOf = (cpu: string | undefined): number =>
  cpu === undefined ? -1 : Math.max(1_000, Number.parseInt(cpu, 10) * 100);

function kernelLimits(cluster: PodCluster, name: string, container: string): { quota: number; memory: number } {
  const [quota = '', memory = ''] = cluster.inside(name, LIMITS, container).trim().split('\n');
  const read = (text: string): number => (text.startsWith('max') ? -1 : Number.parseInt(text, 10));
  // No limit of memory is a huge one in version 1.
  const bytes = read(memory);
  return { quota: read(quota), memory: bytes > 2 ** 50 ? -1 : bytes };
}

const expectedLimits = ({ limits = {} }: Resources): { quota: number; memory: number } => ({
  quota: quotaOf(limits.cpu),
  memory: limits.memory === undefined ? -1 : Number.parseInt(limits.memory, 10) << 20,
});

/** Of the containers c1, c2, … of a pod. */
interface ResizeCase {
  title: string;
  before: Resources[];
  after: Resources[];
}

const CASES: ResizeCase[] = [
  {
    title:
      'with a net increase [conformance: In-place Pod Resize, guaranteed pods with multiple containers, net increase]',
    before: [both('20m', '20Mi'), both('20m', '20Mi'), both('20m', '20Mi')],
    after: [both('30m', '35Mi'), both('30m', '35Mi'), both('15m', '18Mi')],
  },
  {
    title:
      'with a net decrease [conformance: In-place Pod Resize, guaranteed pods with multiple containers, net decrease]',
    before: [both('30m', '30Mi'), both('30m', '30Mi'), both('30m', '30Mi')],
    after: [both('35m', '35Mi'), both('20m', '20Mi'), both('20m', '20Mi')],
  },
  {
    title:
      'in opposite directions [conformance: In-place Pod Resize, guaranteed pods with multiple containers, various operations]',
    before: [both('20m', '20Mi'), both('30m', '20Mi'), both('20m', '20Mi')],
    after: [both('30m', '20Mi'), both('20m', '30Mi'), both('30m', '30Mi')],
  },
  {
    title:
      'with limits and requests that there were none of [conformance: In-place Pod Resize, burtable pod with multiple containers and various operations]',
    before: [
      { requests: { cpu: '20m' } },
      { requests: { memory: '20Mi' } },
      { requests: { cpu: '20m', memory: '20Mi' } },
      { requests: { cpu: '20m' } },
      { requests: { memory: '20Mi' } },
      {},
    ],
    after: [
      { requests: { cpu: '30m' }, limits: { cpu: '40m' } },
      { requests: { memory: '30Mi' }, limits: { memory: '40Mi' } },
      { requests: { cpu: '20m', memory: '18Mi' } },
      { requests: { cpu: '15m', memory: '20Mi' } },
      { requests: { cpu: '20m', memory: '30Mi' } },
      { requests: { cpu: '20m', memory: '20Mi' } },
    ],
  },
  {
    title: 'with equivalents [conformance: In-place Pod Resize, burstable pod resized with equivalents]',
    before: [{ requests: { cpu: '2m' }, limits: { cpu: '10m' } }],
    after: [{ requests: { cpu: '1m' }, limits: { cpu: '5m' } }],
  },
];

/** The pods take part in whatever else the suite does with its cluster. */
export function describeResizes(current: () => PodCluster): void {
  const create = async (name: string, resources: readonly Resources[]): Promise<Json> => {
    const cluster = current();
    const container = (one: Resources, i: number): Json => ({
      name: `c${i + 1}`,
      image: IMAGE,
      command: ['sleep', '1000000'],
      resources: one,
    });
    await cluster.create({
      metadata: { name },
      spec: {
        terminationGracePeriodSeconds: 0,
        automountServiceAccountToken: false,
        containers: resources.map(container),
      },
    });
    return cluster.ready(name);
  };
  const resized = (name: string, resources: readonly Resources[]): Promise<Json> =>
    eventually(
      `pod ${name} is resized`,
      async () => {
        const pod = await current().pod(name);
        const isDone = pod.status.containerStatuses.every((status: Json, i: number) => {
          const { requests, limits } = resources[i]!;
          return same(status.resources, { requests, limits }) && same(status.allocatedResources, requests);
        });
        const isPending = hasCondition('PodResizePending')(pod) || hasCondition('PodResizeInProgress')(pod);
        return isDone && !isPending && pod;
      },
      60_000,
    );

  describe('resizes [W12]', () => {
    it.each(CASES.map((one, index) => ({ ...one, index })))('$title', async ({ before, after, index }) => {
      const cluster = current();
      const name = `resized-${index}`;
      try {
        const first = await create(name, before);
        const containers = after.map((resources, i) => ({ name: `c${i + 1}`, resources }));
        const patched = await cluster.patch(`${PODS}/${name}/resize`, { spec: { containers } }, 'strategic-merge');
        expect(patched.spec.containers.map(({ resources }: Json) => resources)).toEqual(after);
        const pod = await resized(name, after);
        const kernel = after.map((_one, i) => kernelLimits(cluster, name, `c${i + 1}`));
        expect(kernel).toEqual(after.map(expectedLimits));
        const identity = ({ status }: Json): unknown =>
          status.containerStatuses.map(({ containerID, restartCount }: Json) => [containerID, restartCount]);
        expect(identity(pod)).toEqual(identity(first));
        expect(pod.status.qosClass).toBe(first.status.qosClass);
      } finally {
        await cluster.remove(`${PODS}/${name}`);
      }
    });

    it('by replacing the pod that is read there [conformance: In-place Pod Resize, read and replace endpoints]', async () => {
      const cluster = current();
      const name = 'replaced-resize';
      try {
        const wanted = { requests: { cpu: '30m', memory: '30Mi' } };
        const created = await create(name, [{ requests: { cpu: '20m', memory: '20Mi' } }]);
        expect(created.metadata.generation).toBe(1);
        const url = `${PODS}/${name}/resize`;
        const updated = await cluster.update(url, (pod) => void (pod.spec.containers[0].resources = wanted));
        expect(updated.metadata.generation).toBe(2);
        await resized(name, [wanted]);
        await eventually('both tell the same', async () => {
          const [main, sub] = [await cluster.pod(name), await cluster.get(url)];
          return main.status.observedGeneration === 2 && same(main, sub);
        });
      } finally {
        await cluster.remove(`${PODS}/${name}`);
      }
    });
  });
}

/** What is empty or absent is the same; the order of fields is none. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(normal(a ?? {})) === JSON.stringify(normal(b ?? {}));
}

function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, one]) => [name, normal(one)]));
}
