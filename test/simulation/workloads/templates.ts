/** Pod templates of workloads. */
import { BROKEN } from '../pod-report.ts';
import type { SeededRandom } from '../seeded-random.ts';

export function template(
  labels: Record<string, string>,
  image: string,
  { hostPort, cpu = '1' }: { hostPort?: number | undefined; cpu?: string } = {},
): Record<string, unknown> {
  const ports = hostPort === undefined ? [] : [{ containerPort: hostPort, hostPort }];
  const container = { name: 'c', image, ports, resources: { requests: { cpu } } };
  return { metadata: { labels }, spec: { terminationGracePeriodSeconds: 2, containers: [container] } };
}

/** Now and then one that cannot be pulled. */
export function drawImage(random: SeededRandom): string {
  return `image-${random.chance(0.2) ? BROKEN : 'good'}:${random.below(4)}`;
}
