/** Texts of events about resizes (upstream `pkg/kubelet/events/pod_resize.go`): pure. */
import type { Container, Pod, ResourceRequirements } from '../../api/core/v1/pod/types.ts';

/** `Pod resize started: {"containers":[…],"generation":2}`; fields in upstream's order. */
export function resizeMessage(
  what: string,
  pod: Pod,
  { generation, error = '' }: { generation: number; error?: string },
): string {
  const { initContainers = [], containers } = pod.spec;
  const summary = {
    ...(initContainers.length === 0 ? {} : { initContainers: initContainers.map(entryOf) }),
    containers: containers.map(entryOf),
    generation,
    ...(error === '' ? {} : { error }),
  };
  return `Pod resize ${what}: ${JSON.stringify(summary)}`;
}

function entryOf({ name, resources }: Container): { name: string; resources: ResourceRequirements } {
  const result: ResourceRequirements = {};
  for (const side of ['limits', 'requests'] as const) {
    const entries = Object.entries(resources?.[side] ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    if (entries.length > 0) result[side] = Object.fromEntries(entries);
  }
  return { name, resources: result };
}
