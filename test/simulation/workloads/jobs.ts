/** Users of Jobs: of many completions, indexed or not, that may fail, be suspended, or deleted, also by their time. */
import { jobs } from '../../../api/batch/v1/job.ts';
import { EXIT_CODE, RUN_SECONDS } from '../pod-report.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { Action, Workload } from './action.ts';
import { deletePod, withPod } from './deployments.ts';
import { template } from './templates.ts';

const NAMESPACE = 'default';

export const jobWorkload: Workload = {
  name: 'jobs',
  draw(random, calmMs) {
    const names = Array.from({ length: 1 + random.below(2) }, (_, index) => `batch-${index}`);
    return names.flatMap((name) => drawLife(random, { name, calmMs }));
  },
};

/** Its pods end by themselves. */
export function ending(
  name: string,
  { seconds, exitCode }: { seconds: number; exitCode: number },
): Record<string, unknown> {
  const { metadata, spec } = template({ app: name }, 'image-good:1') as { metadata: object; spec: object };
  const annotations = { [RUN_SECONDS]: String(seconds), [EXIT_CODE]: String(exitCode) };
  return { metadata: { ...metadata, annotations }, spec: { ...spec, restartPolicy: 'Never' } };
}

function drawLife(random: SeededRandom, { name, calmMs }: { name: string; calmMs: number }): Action[] {
  const startMs = random.below(calmMs / 2);
  const object = { namespace: NAMESPACE, name };
  const spec = {
    completions: 1 + random.below(5),
    parallelism: 1 + random.below(3),
    completionMode: random.pick(['Indexed', 'NonIndexed']),
    backoffLimit: 3,
    ...random.pick([{}, {}, { ttlSecondsAfterFinished: 10 }, { ttlSecondsAfterFinished: 60 }]),
    template: ending(name, { seconds: 1 + random.below(20), exitCode: random.chance(0.15) ? 1 : 0 }),
  };
  const create: Action['run'] = ({ client }) => client.create(jobs, { metadata: object, spec } as never);
  const suspend = (value: boolean): Action['run'] => {
    return ({ client }) => client.patch(jobs, object, { type: 'merge', body: { spec: { suspend: value } } });
  };
  const text = `create job ${name}: ${spec.completions} by ${spec.parallelism}, ${spec.completionMode}`;
  const actions: Action[] = [{ atMs: startMs, text, run: create }];
  const at = (): number => startMs + random.below(calmMs - startMs);
  if (random.chance(0.3)) actions.push({ atMs: at(), text: `suspend ${name}`, run: suspend(true) });
  if (random.chance(0.4)) {
    const run = withPod({ app: name, which: random.float() }, deletePod);
    actions.push({ atMs: at(), text: `delete a pod of ${name}`, run });
  }
  if (random.chance(0.2)) {
    const propagationPolicy = random.pick(['Background', 'Foreground'] as const);
    const run: Action['run'] = ({ client }) => client.delete(jobs, object, { propagationPolicy });
    actions.push({ atMs: at(), text: `delete ${name}, ${propagationPolicy}`, run });
  }
  return [...actions, { atMs: calmMs, text: `resume ${name}`, run: suspend(false) }];
}
